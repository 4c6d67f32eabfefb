"""Suspended mail in Zendesk's shape: what waits apart as spam, and what could not become a ticket.

Zendesk names the cause in words; ours are English here, with our own word for it beside them.
"""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import translation
from ninja import Router, Schema

from answerback.api import paging
from answerback.api.auth import caller
from answerback.api.describe import PAGED, doc, listed, needed, query
from answerback.api.errors import InvalidError
from answerback.api.users import time
from answerback.desk.arriving import intake, mail_reasons
from answerback.people.models import Account
from answerback.store import dismiss, raw
from answerback.store.models import RawMail
from answerback.tickets.models import Ticket
from mailroom import message

router = Router(tags=["suspended tickets"])
_IDS = (needed(query("ids", "numbers with commas, at most 100")),)
_CONTENT = 64 * 1024  # characters of the text that are told


class AuthorOut(Schema):
    id: None
    name: str
    email: str


class AnswerbackSuspendedOut(Schema):
    """`reason` is our word; `ends_at` is when the mail is deleted for good."""

    reason: str
    detail: str
    state: str
    ends_at: str | None


class SuspendedTicketOut(Schema):
    id: int
    url: str
    author: AuthorOut
    subject: str
    content: str
    cause: str
    message_id: str
    ticket_id: int | None
    recipient: str
    created_at: str
    updated_at: str
    answerback: AnswerbackSuspendedOut


class RecoveredAnswer(Schema):
    """The tickets that they went to."""

    ticket: list[dict[str, Any]]


SuspendedList = listed("suspended_tickets", SuspendedTicketOut)


class SuspendedAnswer(Schema):
    """One, in a list as Zendesk has it."""

    suspended_tickets: list[SuspendedTicketOut]


@router.get("/suspended_tickets", **doc(SuspendedList, takes=PAGED))
def list_suspended_tickets(request: HttpRequest) -> HttpResponse:
    """Mail that became no ticket, newest first"""
    return paging.answer(request, _all(), "suspended_tickets", present, newest_first=True)


@router.get("/suspended_tickets/{int:mail_id}", **doc(SuspendedAnswer, faults=(404,)))
def show_suspended_ticket(request: HttpRequest, mail_id: int) -> HttpResponse:
    """One mail that became no ticket"""
    return JsonResponse({"suspended_tickets": present([_all().get(pk=mail_id)])})


@router.put("/suspended_tickets/{int:mail_id}/recover", **doc(RecoveredAnswer, faults=(404, 422)))
def recover_suspended_ticket(request: HttpRequest, mail_id: int) -> HttpResponse:
    """Let a mail in

    Spam goes where it would have gone; of what could not become a ticket a new one is made.
    """
    return _recovered([_recover(_all().get(pk=mail_id), caller(request))])


@router.put("/suspended_tickets/recover_many", **doc(RecoveredAnswer, takes=_IDS, faults=(422,)))
def recover_many_suspended_tickets(request: HttpRequest) -> HttpResponse:
    """Let several in"""
    by = caller(request)
    return _recovered([_recover(mail, by) for mail in _asked(request)])


@router.delete("/suspended_tickets/{int:mail_id}", **doc(None, status=204, faults=(404,)))
def delete_suspended_ticket(request: HttpRequest, mail_id: int) -> HttpResponse:
    """Delete one"""
    dismiss.dismiss([_all().get(pk=mail_id).pk], RawMail.State.DELETED)
    return HttpResponse(status=204)


@router.delete("/suspended_tickets/destroy_many", **doc(None, status=204, takes=_IDS))
def delete_many_suspended_tickets(request: HttpRequest) -> HttpResponse:
    """Delete several"""
    dismiss.dismiss([mail.pk for mail in _asked(request)], RawMail.State.DELETED)
    return HttpResponse(status=204)


def present(rows: list[RawMail]) -> list[dict[str, Any]]:
    return [_present(row) for row in rows]


def _present(row: RawMail) -> dict[str, Any]:
    mail = message.parse(raw.content(row))
    with translation.override("en"):
        cause = mail_reasons.describe(row.reason)
    return {
        "id": row.pk,
        "url": paging.url(f"suspended_tickets/{row.pk}.json"),
        "author": {
            "id": None,
            "name": mail.from_.name if mail.from_ else "",
            "email": mail.from_.spec if mail.from_ else row.envelope_from,
        },
        "subject": mail.subject,
        "content": mail.text[:_CONTENT],
        "cause": cause,
        "message_id": row.message_id,
        "ticket_id": row.ticket_id,
        "recipient": row.envelope_to[0] if row.envelope_to else "",
        "created_at": time(row.received_at),
        "updated_at": time(row.handled_at or row.received_at),
        "answerback": {
            "reason": mail_reasons.word_of(row.reason),
            "detail": mail_reasons.detail_of(row.reason),
            "state": row.state,
            "ends_at": time(dismiss.ends_at(row)),
        },
    }


def _all() -> QuerySet[RawMail]:
    return dismiss.waiting() | dismiss.apart()


def _asked(request: HttpRequest) -> list[RawMail]:
    """Those of `ids` that are still suspended."""
    numbers = paging.ids(request.GET.get("ids", ""))
    if len(numbers) > paging.MOST:
        raise InvalidError(ids=f"at most {paging.MOST} at once")
    return list(_all().filter(pk__in=numbers).order_by("id"))


def _recover(mail: RawMail, by: Account) -> int:
    try:
        if mail.state in dismiss.APART:
            return intake.recover(mail.pk)
        return intake.make_ticket(mail.pk, by).pk
    except intake.NoTicketPossibleError:
        raise InvalidError(id=f"no ticket can be made of mail {mail.pk}") from None


def _recovered(numbers: list[int]) -> HttpResponse:
    found = Ticket.objects.in_bulk(numbers)
    shown = [{"id": number, "url": paging.url(f"tickets/{number}.json")} for number in numbers if number in found]
    return JsonResponse({"ticket": shown})
