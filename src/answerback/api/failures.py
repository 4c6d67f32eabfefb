"""Failures across all tickets, in the order in which they last changed: what a program asks for again and again.

Policy: one row for each delivery that failed. Its `id` is the number of its newest change; a failure that is put right,
or opens again, moves to the end with a new number. So whoever keeps `after_cursor` misses none and sees none twice for
one change, however much is written meanwhile.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from ninja import Router, Schema

from answerback.api import paging
from answerback.api.describe import BY_CURSOR, doc, listed, query
from answerback.api.errors import BadRequestError
from answerback.api.notifications import RecipientOut, present_recipient
from answerback.api.users import time
from answerback.outbound import failure_feed, lost_time, standing
from answerback.outbound.models import Delivery, FailureChange, Message
from answerback.outbound.standing import Chain

router = Router(tags=["failures"])

_STATES = {"open": Q(open=True), "resolved": Q(open=False), "all": Q()}
_TO_CUSTOMERS = (Message.Kind.ANSWER, Message.Kind.AUTOMATIC)


class ResolutionOut(Schema):
    how: str
    by: int | None
    note: str
    at: str


class FailureOut(RecipientOut):
    id: int
    change: str
    changed_at: str
    open: bool
    kind: str
    ticket_id: int
    comment_id: int | None
    notification_id: int | None
    resolution: ResolutionOut | None
    resent_as: int | None


FailureList = listed("delivery_failures", FailureOut)
_TAKES = (
    query("since", "only what changed at this time or later, ISO 8601"),
    query("state", "open, resolved or all", enum=list(_STATES)),
    query("cause", "keys of causes, a comma list"),
    query("domain", "of the recipient"),
    query("code", "reply code or enhanced code: 550, 5.1.1"),
    query("kind", "answer, automatic, agent: a comma list; without it all but mail to agents"),
    *BY_CURSOR,
)


@router.get("/delivery_failures", **doc(FailureList, takes=_TAKES))
def list_failures(request: HttpRequest) -> HttpResponse:
    """Failures across all tickets since a time

    In the order in which they last changed. Keep `meta.after_cursor`, and ask again with it as `page[after]`: that
    gives what failed, was put right or opened again since then.
    """
    rows = _narrowed(FailureChange.objects.filter(pk__lte=failure_feed.horizon()), request)
    return paging.answer(request, rows, "delivery_failures", present, cursor_only=True, keep_cursor=True)


def present(changes: list[FailureChange]) -> list[dict[str, Any]]:
    """In a fixed number of queries."""
    ids = [change.delivery_id for change in changes]
    rows = Delivery.objects.filter(pk__in=ids).select_related("message", "person")
    found = {row.pk: row for row in rows.defer("header", "message__body", "message__header")}
    lanes = lost_time.lanes_of({delivery.destination for delivery in found.values()})
    resolutions = standing.resolutions_of(ids)
    resent = dict(Delivery.objects.filter(resent_from__in=ids).order_by("id").values_list("resent_from", "pk"))
    shown = []
    for change in changes:
        delivery = found[change.delivery_id]
        words = standing.words_of(delivery, lanes.get(delivery.destination))
        chain = Chain([delivery], words, resolutions.get(delivery.pk), frozenset())
        shown.append(_present(change, chain) | {"resent_as": resent.get(delivery.pk)})
    return shown


def _present(change: FailureChange, chain: Chain) -> dict[str, Any]:
    delivery, resolution = chain.newest, chain.resolution
    return {
        "id": change.pk,
        "change": change.what,
        "changed_at": time(change.at),
        "open": change.open,
        "kind": delivery.kind,
        "ticket_id": delivery.ticket_id,
        "comment_id": delivery.message.comment_id,
        "notification_id": delivery.message.notification_id,
        **present_recipient(chain, delivery.message),
        "resolution": resolution
        and {
            "how": resolution.how,
            "by": resolution.by.person_id if resolution.by else None,
            "note": resolution.note,
            "at": time(resolution.at),
        },
    }


def _narrowed(rows: QuerySet[FailureChange], request: HttpRequest) -> QuerySet[FailureChange]:
    asked = request.GET
    state = asked.get("state") or "all"
    if state not in _STATES:
        raise BadRequestError(f"state: {state} is not one of {', '.join(_STATES)}")
    rows = rows.filter(_STATES[state], delivery__ticket__isnull=False)
    rows = rows.filter(delivery__kind__in=_words(asked.get("kind")) or _TO_CUSTOMERS)
    if since := asked.get("since"):
        rows = rows.filter(at__gte=_moment(since))
    if causes := _words(asked.get("cause")):
        rows = rows.filter(delivery__cause__in=causes)
    if domain := asked.get("domain", "").strip().lstrip("@"):
        rows = rows.filter(delivery__recipient__iendswith=f"@{domain}")
    if code := asked.get("code", "").strip():
        rows = rows.filter(_code(code))
    return rows


def _code(text: str) -> Q:
    """Of "550 5.1.1" both count."""
    found = Q()
    for word in text.split():
        if word.isdecimal() and len(word) == 3:
            found &= Q(delivery__smtp_code=int(word))
        else:
            found &= Q(delivery__enhanced_code=word)
    return found


def _words(text: str | None) -> list[str]:
    return [word.strip() for word in (text or "").split(",") if word.strip()]


def _moment(text: str) -> datetime:
    """Without an offset it is UTC; a "+" that became a blank on the way is one."""
    try:
        found = parse_datetime(text.replace(" ", "+") if "T" in text else text)
        if found is None and (day := parse_date(text)):
            found = datetime(day.year, day.month, day.day, tzinfo=timezone.get_fixed_timezone(0))
    except ValueError:
        found = None
    if found is None:
        raise BadRequestError(f"since: {text} is no time such as 2026-11-23T10:00:00Z")
    return found if timezone.is_aware(found) else timezone.make_aware(found, timezone.get_fixed_timezone(0))
