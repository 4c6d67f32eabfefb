"""Jobs: how far they are, what became of each item, and the buttons to cancel, take back and start again."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from answerback.desk import jobs
from answerback.desk.jobs import RUNNING, Progress
from answerback.desk.models import Job, JobItem
from answerback.outbound.standing import Chain, Words
from answerback.people.models import Account, Group, Person
from answerback.workspace import each_delivery, job_words
from answerback.workspace.access import account_of, agent_required

PAGE_SIZE = 100
LISTED = 50
SHOWN_STATES = ("done", "skipped", "failed", "waiting")


@agent_required
def job_list(request: HttpRequest) -> HttpResponse:
    """The newest first; `before` an id: the older ones."""
    before = request.GET.get("before", "")
    rows = Job.objects.select_related("by__person").order_by("-id")
    if before.isdecimal():
        rows = rows.filter(pk__lt=int(before[:18]))
    found = list(rows[: LISTED + 1])
    shown, reached = found[:LISTED], jobs.progress_of(found[:LISTED])
    context = {
        "section": "delivery",
        "rows": [_described(job, reached.get(job.pk, Progress())) for job in shown],
        "older": shown[-1].pk if len(found) > LISTED else 0,
    }
    return render(request, "jobs/list.html", context)


@agent_required
def job(request: HttpRequest, job_id: int) -> HttpResponse:
    found = _find(job_id)
    state, after = request.GET.get("state", ""), request.GET.get("after", "")
    rows = JobItem.objects.filter(job=found).select_related("ticket", "delivery__person").order_by("id")
    rows = rows.defer("delivery__header", "delivery__diagnostic")
    rows = rows.filter(state=state) if state in SHOWN_STATES else rows
    if after.isdecimal():
        rows = rows.filter(pk__gt=int(after[:18]))
    items = list(rows[: PAGE_SIZE + 1])
    reached, shown = jobs.progress(found), _items(items[:PAGE_SIZE])
    described = _described(found, reached)
    account = account_of(request)
    context = {
        "section": "delivery",
        "one": described,
        "state": state,
        "filters": _filters(reached),
        "items": shown,
        "moving": described["running"] or any(chain and chain.words == Words.SENDING for *_rest, chain in shown),
        "after": items[PAGE_SIZE - 1].pk if len(items) > PAGE_SIZE else 0,
        "origin": found.origin,
        "followers": [_described(one, Progress()) for one in found.followers.order_by("id")],
        "may_act": _may_act(account, found),
        "may_undo": jobs.may_undo(found),
        "ways_back": "" if found.undo else job_words.way_back(found.kind),
        "left_over": reached.failed or found.status == Job.Status.KILLED,
        "may_start_again": jobs.may_start_again(found),
        "live_url": request.get_full_path(),
    }
    return render(request, "jobs/_job.html" if request.headers.get("HX-Request") else "jobs/page.html", context)


@agent_required
@require_POST
def act(request: HttpRequest, job_id: int) -> HttpResponse:
    """`cancel`, `undo` or `again`: whoever started it, supervisors and admins."""
    found, account = _find(job_id), account_of(request)
    if not _may_act(account, found):
        raise PermissionDenied
    following = found
    try:
        match request.POST.get("act"):
            case "cancel":
                jobs.cancel(found, account)
            case "undo":
                following = jobs.undo(found, account)
            case "again":
                following = jobs.start_again(found, account)
    except (jobs.NotPossibleError, jobs.NothingToDoError):
        messages.warning(request, _("This cannot be done any more."))
    return redirect(f"/jobs/{following.pk}")


@agent_required
def running(request: HttpRequest) -> HttpResponse:
    """The sign in the bar."""
    return render(request, "frame/_jobs.html")


def _find(job_id: int) -> Job:
    related = ("by__person", "cancelled_by__person", "origin")
    return get_object_or_404(Job.objects.select_related(*related), pk=job_id)


def _may_act(account: Account, found: Job) -> bool:
    return found.by_id == account.pk or account.is_admin or account.supervisor


def _described(found: Job, reached: Progress) -> dict[str, Any]:
    return {
        "job": found,
        "title": job_words.title(found),
        "what": job_words.what(found),
        "source": job_words.source(found),
        "status": _(job_words.STATUSES[Job.Status(found.status)]),
        "running": found.status in RUNNING,
        "progress": reached,
    }


def _filters(reached: Progress) -> list[tuple[str, str, int]]:
    counts = {"done": reached.done, "skipped": reached.skipped, "failed": reached.failed, "waiting": reached.waiting}
    named = [(str(state), _(words), counts[state]) for state, words in job_words.STATES.items() if counts[state]]
    return [("", _("all"), reached.total), *named] if len(named) > 1 else []


def _items(rows: list[JobItem]) -> list[tuple[JobItem, str, str, Chain | None]]:
    """Each with its state, its sentence, and how the mail that it sent stands now."""
    names, sent = _names(rows), _sent(rows)
    return [
        (
            row,
            _(job_words.STATES[JobItem.State(row.state)]),
            job_words.sentence(row.reason, row.detail, names) if row.reason else "",
            sent.get(row.detail.get("delivery_id", 0)),
        )
        for row in rows
    ]


def _sent(rows: list[JobItem]) -> dict[int, Chain]:
    """By the delivery that a resend made: "done" says only that it was tried again."""
    ids = [row.detail["delivery_id"] for row in rows if "delivery_id" in row.detail]
    found = each_delivery.rows().filter(pk__in=ids) if ids else []
    return {chain.newest.pk: chain for chain in each_delivery.standings(list(found))}


def _names(rows: list[JobItem]) -> dict[tuple[str, Any], str]:
    """Of accounts and groups that fields were changed to or from: two queries at most."""
    ids: dict[str, set[int]] = {"assignee": set(), "group": set()}
    for row in rows:
        for name, values in row.detail.get("fields", {}).items():
            ids.get(name, set()).update(value for value in values if value)
    found: dict[tuple[str, Any], str] = {}
    if ids["assignee"]:
        people = Person.objects.filter(account__in=ids["assignee"]).values_list("account", "name")
        found |= {("assignee", pk): name for pk, name in people}
    if ids["group"]:
        found |= {("group", one.pk): one.name for one in Group.objects.filter(pk__in=ids["group"])}
    return found
