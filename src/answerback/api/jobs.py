"""Many tickets at once: a job, and how far it is. The statuses are Zendesk's."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import Router, Schema

from answerback.api import paging
from answerback.api.auth import caller
from answerback.api.describe import IDEMPOTENT, PAGED, doc, listed, needed, one, query
from answerback.api.errors import InvalidError
from answerback.api.once import once
from answerback.api.tickets import TicketIn, job_options, new_ticket
from answerback.api.users import time
from answerback.desk import jobs
from answerback.desk.bulk import targets
from answerback.desk.bulk.targets import Target
from answerback.desk.merging import merge_tickets
from answerback.desk.models import Job, JobItem
from answerback.people.models import Account
from answerback.tickets.models import Ticket

router = Router(tags=["jobs"])

KIND = "update_tickets"
_DONE = {  # all others: update
    "create_tickets": ("create", "Created"),
    "merge_tickets": ("merge", "Merged"),
    "erase_person": ("delete", "Deleted"),
}
_NOT_DONE = {JobItem.State.SKIPPED: "Skipped", JobItem.State.FAILED: "Failed"}


class JobStatusOut(Schema):
    """`results` has an entry for each ticket that is through: `reason` says why one was skipped."""

    id: str
    url: str | None
    job_type: str
    total: int
    progress: int
    status: str
    message: str | None
    results: list[dict[str, Any]]


class ManyIn(TicketIn):
    id: int | None = None


class ManyBody(Schema):
    """`ticket`: the same for all `ids`; `tickets`: each its own."""

    ticket: TicketIn | None = None
    tickets: list[ManyIn] | None = None


class NewTicketsBody(Schema):
    tickets: list[TicketIn]


class MergeTicketsIn(Schema):
    ids: list[int]
    target_comment: str | None = None
    source_comment: str | None = None
    target_comment_is_public: bool = False
    source_comment_is_public: bool = False


JobStatusAnswer = one("job_status", JobStatusOut)
JobStatusList = listed("job_statuses", JobStatusOut)
_NEW = {
    "tickets": [
        {"subject": "Order 7", "comment": {"body": "It left today."}, "requester": {"email": "anna@example.org"}},
        {"subject": "Order 8", "comment": {"body": "It left today."}, "requester": {"email": "deniz@example.org"}},
    ]
}
_ALL_SOLVED = {"ticket": {"status": "solved", "additional_tags": ["outage"]}}


@router.put(
    "/tickets/update_many",
    **doc(
        JobStatusAnswer,
        takes=(query("ids", "a comma list"), *IDEMPOTENT),
        example=_ALL_SOLVED,
        faults=(422,),
    ),
)
def update_many_tickets(request: HttpRequest, body: ManyBody) -> HttpResponse:
    """Change many tickets

    At most 100. Gives a job; nothing has been changed yet when it answers.
    """
    return once(request, lambda: _start(request, body))


@router.post("/tickets/create_many", **doc(JobStatusAnswer, takes=IDEMPOTENT, example=_NEW, faults=(404, 422)))
def create_many_tickets(request: HttpRequest, body: NewTicketsBody) -> HttpResponse:
    """Make many tickets

    At most 100. Gives a job; its results name the tickets as they are made. Where one cannot be, none is,
    and nobody is left behind who would have been new with it.
    """
    return once(request, lambda: _create(body.tickets, caller(request)))


@router.post(
    "/tickets/{int:ticket_id}/merge",
    **doc(JobStatusAnswer, example={"ids": [36, 37]}, takes=IDEMPOTENT, faults=(404, 422)),
)
def merge_many_tickets(request: HttpRequest, ticket_id: int, body: MergeTicketsIn) -> HttpResponse:
    """Merge these tickets into this one

    It is done when it answers; the job is there for programs that ask for it later.
    """
    return once(request, lambda: _merge(ticket_id, body, caller(request)))


@router.get("/job_statuses", **doc(JobStatusList, takes=PAGED))
def list_job_statuses(request: HttpRequest) -> HttpResponse:
    """Jobs, newest first"""
    return paging.answer(request, Job.objects.all(), "job_statuses", present, newest_first=True)


@router.get("/job_statuses/show_many", **doc(JobStatusList, takes=(needed(query("ids", "a comma list")),)))
def show_many_job_statuses(request: HttpRequest) -> HttpResponse:
    """Several jobs by id"""
    rows = Job.objects.filter(pk__in=paging.ids(request.GET.get("ids", ""))).order_by("id")[: paging.MOST]
    return JsonResponse({"job_statuses": present(list(rows))})


@router.get("/job_statuses/{int:job_id}", **doc(JobStatusAnswer, faults=(404,)))
def show_job_status(request: HttpRequest, job_id: int) -> HttpResponse:
    """How far a job is"""
    return _answer(Job.objects.get(pk=job_id))


def present(rows: list[Job]) -> list[dict[str, Any]]:
    """In a fixed number of queries."""
    progress, kept = jobs.progress_of(rows), {job.pk: job for job in rows}
    results: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for item in JobItem.objects.filter(job__in=rows).exclude(state=JobItem.State.WAITING).order_by("id"):
        results[item.job_id].append(_result(kept[item.job_id], item, len(results[item.job_id])))
    return [
        {
            "id": str(job.pk),
            "url": paging.url(f"job_statuses/{job.pk}.json"),
            "job_type": job.kind,
            "total": progress[job.pk].total,
            "progress": progress[job.pk].ended,
            "status": job.status,
            "message": f"Completed at {time(job.ended_at)}" if job.ended_at else None,
            "results": results[job.pk],
        }
        for job in rows
    ]


def _start(request: HttpRequest, body: ManyBody) -> HttpResponse:
    found = _same_for_all(request, body.ticket) if body.ticket else _each_its_own(body.tickets or [])
    if len(found) > paging.MOST:
        raise InvalidError(ids=f"Ids: at most {paging.MOST} at once")
    try:
        job = jobs.start(KIND, found, caller(request), source={"api": True})
    except jobs.NothingToDoError:
        raise InvalidError(ids="Ids: there is none of these tickets") from None
    return _answer(job)


def _same_for_all(request: HttpRequest, sent: TicketIn) -> list[Target]:
    options = job_options(sent)
    known = targets.of_tickets(KIND, paging.ids(request.GET.get("ids", "")))
    return [Target(target.ticket_id, options=options) for target in known]


def _each_its_own(sent: list[ManyIn]) -> list[Target]:
    wanted = {one.id: job_options(one) for one in sent if one.id}
    return [
        Target(target.ticket_id, options=wanted[target.ticket_id]) for target in targets.of_tickets(KIND, list(wanted))
    ]


def _create(sent: list[TicketIn], by: Account) -> HttpResponse:
    if not 1 <= len(sent) <= paging.MOST:
        raise InvalidError(tickets=f"Tickets: 1 to {paging.MOST} at once")
    wanted = [_new_ticket(number, one, by) for number, one in enumerate(sent)]
    return _answer(jobs.start_new("create_tickets", wanted, by, source={"api": True}))


def _new_ticket(number: int, sent: TicketIn, by: Account) -> dict[str, Any]:
    try:
        return new_ticket(sent, by)
    except InvalidError as error:
        raise InvalidError(**{f"tickets.{number}.{field}": text for field, text in error.details.items()}) from None


def _merge(ticket_id: int, body: MergeTicketsIn, by: Account) -> HttpResponse:
    target = Ticket.objects.get(pk=ticket_id)
    others = list(Ticket.objects.filter(pk__in=body.ids))
    wording = merge_tickets.suggest_wording(target, others)
    wording = merge_tickets.Wording(
        body.target_comment or wording.on_target,
        body.source_comment or wording.on_others,
        body.target_comment_is_public,
        body.source_comment_is_public,
    )
    try:
        return _answer(merge_tickets.merge_as_job(body.ids, ticket_id, by, wording))
    except merge_tickets.CannotMergeError as error:
        raise InvalidError(ids=f"Ids: cannot be merged ({error.problem})") from None


def _answer(job: Job) -> HttpResponse:
    return JsonResponse({"job_status": present([job])[0]})


def _result(job: Job, item: JobItem, index: int) -> dict[str, Any]:
    action, word = _DONE.get(job.kind, ("update", "Updated"))
    return {
        "index": index,
        "id": item.ticket_id,
        "action": action,
        "status": _NOT_DONE.get(JobItem.State(item.state), word),
        "success": item.state == JobItem.State.DONE,
        "reason": item.reason or None,
    }
