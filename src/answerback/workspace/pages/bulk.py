"""Fixing many: the page that says what would happen to how many, asks for what it needs, and starts the job."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from answerback.core import ids
from answerback.desk import jobs
from answerback.desk.bulk import KINDS, About, foresee, swap_domain
from answerback.desk.bulk.foresee import Outlook, Subject
from answerback.people import accounts
from answerback.people.models import Group
from answerback.workspace import bulk_options, job_words, selections, suggestions, words
from answerback.workspace.access import account_of, agent_required
from answerback.workspace.bulk_options import Asked
from answerback.workspace.selections import Selection

SHOWN = 10  # of what would happen; the rest is a number
SHOWN_PAIRS = 50


@agent_required
@require_POST
def confirm(request: HttpRequest) -> HttpResponse:
    """What would happen. Answers also where only the foreseen part is asked for, while options change."""
    kind = _kind(request)
    selection = selections.read(request, kind)
    if not selection.items:
        messages.warning(request, _("Nothing was chosen, or it has been put right meanwhile."))
        return redirect(_way_back(selection))
    first = "key" not in request.POST
    asked = _first_asked(kind, selection) if first else bulk_options.read(kind, request.POST)
    return _page(request, kind, selection, asked, show_problems=not first)


@agent_required
@require_POST
def start(request: HttpRequest) -> HttpResponse:
    kind = _kind(request)
    selection = selections.read(request, kind)
    asked = bulk_options.read(kind, request.POST)
    if asked.problems:
        return _page(request, kind, selection, asked, show_problems=True)
    key, account = request.POST.get("key", "")[:60], account_of(request)
    try:
        job = jobs.start(kind, selection.items, account, key=key, source=selection.source, **asked.options)
    except jobs.NothingToDoError:
        messages.warning(request, _("Nothing was chosen, or it has been put right meanwhile."))
        return redirect(_way_back(selection))
    return redirect(f"/jobs/{job.pk}")


def _kind(request: HttpRequest) -> str:
    kind = request.POST.get("act", "")
    if kind not in KINDS or KINDS[kind].foresee is None:
        raise Http404
    return kind


def _first_asked(kind: str, selection: Selection) -> Asked:
    """What the form begins with."""
    if kind == "swap_domain":
        domains = _domains(foresee.look("resend", selection.items, {}))
        old = selection.source.get("domain") or (domains[0][0] if domains else "")
        return Asked({"old": old, "new": suggestions.for_address(f"somebody@{old}").better.partition("@")[2]})
    return Asked({"and_send": True} if kind == "mark_deliverable" else {})


def _page(request: HttpRequest, kind: str, selection: Selection, asked: Asked, show_problems: bool) -> HttpResponse:
    outlook = foresee.look(kind, selection.items, asked.options)
    about_tickets = KINDS[kind].about is About.TICKETS
    context: dict[str, Any] = {
        "section": "delivery",
        "kind": kind,
        "title": job_words.kind_name(kind),
        "key": request.POST.get("key") or ids.random_token(24),
        "selection": selection,
        "most": selections.MOST,
        "options": asked.options,
        "typed": request.POST,
        "problems": asked.problems if show_problems else {},
        "warnings": asked.warnings if show_problems else [],
        "outlook": outlook,
        "headline": job_words.headline(kind, len(outlook.would), outlook.people, outlook.tickets),
        "skips": [
            (job_words.skip_line(reason, len(found)), [_skip(subject, result) for subject, result in found[:SHOWN]])
            for reason, found in outlook.skips.items()
        ],
        "shown": outlook.would[:SHOWN],
        "more": max(0, len(outlook.would) - SHOWN),
        "ways_back": job_words.way_back(kind),
        "way_back": _way_back(selection),
    }
    if about_tickets:
        tried = foresee.mailed(outlook.would, asked.options, account_of(request)) if asked.options else []
        context |= _choices() | {"mailed": tried, "tried": min(foresee.TRIED, len(outlook.would))}
    if kind == "swap_domain":
        context |= _swap_context(selection, outlook, asked)
    return render(request, "bulk/confirm.html", context, status=422 if show_problems and asked.problems else 200)


def _swap_context(selection: Selection, outlook: Outlook, asked: Asked) -> dict[str, Any]:
    pairs = [
        (subject, swap_domain.new_address(subject.delivery.recipient, asked.options))
        for subject in outlook.would[:SHOWN_PAIRS]
        if subject.delivery
    ]
    return {
        "domains": _domains(foresee.look("resend", selection.items, {})),
        "pairs": pairs if asked.options.get("new") else [],
        "more": max(0, len(outlook.would) - SHOWN_PAIRS),
        "shown": [],
    }


def _domains(outlook: Outlook) -> list[tuple[str, int]]:
    """Domains of the failed recipients, the most frequent first."""
    subjects = [*outlook.would, *(subject for found in outlook.skips.values() for subject, _ in found)]
    counted = Counter(one.delivery.recipient.rpartition("@")[2].lower() for one in subjects if one.delivery)
    return counted.most_common()


def _skip(subject: Subject, result: Any) -> tuple[Subject, str]:
    return subject, job_words.sentence(result.reason, result.detail)


def _choices() -> dict[str, Any]:
    return {
        "agents": accounts.agents(),
        "groups": list(Group.objects.order_by("name")),
        "statuses": [(key, words.status_name(key)) for key in words.STATUSES if key not in ("new", "closed")],
        "priorities": [(key, words.value_name("priority", key)) for key in words.PRIORITIES],
        "types": [(key, words.value_name("type", key)) for key in words.TYPES],
    }


def _way_back(selection: Selection) -> str:
    source = selection.source
    if "view" in source:
        return f"/views/{source['view']}"
    if "q" in source:
        return "/search"
    return "/delivery/failures"
