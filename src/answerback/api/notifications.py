"""Email notifications, as Zendesk has them, and beside each recipient what Zendesk does not tell: key `answerback`.

Mails without a ticket are not listed. A corrected resend takes the place of the address that failed; the old one stays
in `answerback.history`.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import get_language
from ninja import Router, Schema

from answerback.api import paging
from answerback.api.auth import caller
from answerback.api.describe import BY_CURSOR, doc, listed, one, query
from answerback.api.errors import BadRequestError, InvalidError
from answerback.api.users import time
from answerback.desk import recover
from answerback.outbound import standing
from answerback.outbound.models import Delivery, Message
from answerback.outbound.standing import Chain, Words
from mailroom.address import normalise
from mailroom.causes import catalogue, zendesk
from mailroom.status import EnhancedStatus

router = Router(tags=["email notifications"])

_FILTERS = {"notification_id": "notification_id", "comment_id": "comment_id", "ticket_id": "ticket_id"}
_MANY = {"ids": "notification_id", "comment_ids": "comment_id", "ticket_ids": "ticket_id"}
_ON_THE_WAY = {Words.SENDING, Words.TRYING, Words.DELAYED, Words.CANCELLED, Words.PAUSED, Words.HELD}


class ResendIn(Schema):
    recipients: list[str] = ["failed"]


class DeliveryStatus(Schema):
    """Zendesk's."""

    id: int
    name: str
    code: str
    message: str


class DeliveryOut(Schema):
    """What Zendesk's status cannot say: the state in our words, the cause, what mends it, the raw reply."""

    delivery_id: int
    role: str
    state: str
    cause: str | None
    cause_text: str | None
    fixes: list[str]
    attempts: int
    ambiguous: bool
    smtp_code: int | None
    enhanced_code: str | None
    diagnostic: str
    remote_mta: str | None
    next_attempt_at: str | None
    resolved: bool
    trigger_id: int | None
    history: list[dict[str, Any]]


class RecipientOut(Schema):
    user_id: int | None
    email_address: str
    delivery_status: DeliveryStatus
    answerback: DeliveryOut


class NotificationOut(Schema):
    url: str
    notification_id: int
    email_id: str
    message_id: str
    ticket_id: int
    comment_id: int | None
    recipients: list[RecipientOut]
    created_at: str
    updated_at: str


NotificationList = listed("email_notifications", NotificationOut)
NotificationAnswer = one("email_notification", NotificationOut)
_BY = tuple(query(f"filter[{name}]", f"{name}: a number or a comma list") for name in _FILTERS)
_SORT = query("sort", "created_at or updated_at: oldest first", enum=["created_at", "updated_at", "-created_at"])


@router.get("/email_notifications", **doc(NotificationList, takes=(*_BY, *BY_CURSOR, _SORT)))
def list_notifications(request: HttpRequest) -> HttpResponse:
    """What was mailed, and what became of it

    Needs one of the filters. Newest first.
    """
    wanted = {
        column: paging.ids(request.GET[f"filter[{name}]"])
        for name, column in _FILTERS.items()
        if request.GET.get(f"filter[{name}]")
    }
    if not wanted:
        raise BadRequestError("filter[ticket_id], filter[comment_id] or filter[notification_id] is needed")
    rows = _rows().filter(**{f"{column}__in": ids for column, ids in wanted.items()})
    oldest_first = request.GET.get("sort") in ("created_at", "updated_at")
    return paging.answer(request, rows, "email_notifications", present, newest_first=not oldest_first, cursor_only=True)


@router.get(
    "/email_notifications/show_many",
    **doc(NotificationList, takes=[query(name, "a comma list") for name in _MANY]),
)
def show_many_notifications(request: HttpRequest) -> HttpResponse:
    """Several by notification, comment or ticket"""
    for name, column in _MANY.items():
        if request.GET.get(name):
            rows = _rows().filter(**{f"{column}__in": paging.ids(request.GET[name])}).order_by("-id")[: paging.MOST]
            return JsonResponse({"email_notifications": present(list(rows))})
    raise BadRequestError("ids, comment_ids or ticket_ids is needed")


@router.get("/email_notifications/{int:notification_id}", **doc(NotificationAnswer, faults=(404,)))
def show_notification(request: HttpRequest, notification_id: int) -> HttpResponse:
    """One, by notification id"""
    return JsonResponse({"email_notification": present([_rows().get(notification_id=notification_id)])[0]})


@router.post(
    "/email_notifications/{int:notification_id}/resend",
    **doc(NotificationAnswer, status=201, example={"recipients": ["failed"]}, faults=(404, 422)),
)
def resend_notification(request: HttpRequest, notification_id: int, body: ResendIn) -> HttpResponse:
    """The same message again, only where it failed"""
    message = _rows().get(notification_id=notification_id)
    failing = [chain for chain in _chains([message])[message.pk] if chain.failing]
    if body.recipients != ["failed"]:
        wanted = {normalise(address) for address in body.recipients}
        failing = [chain for chain in failing if normalise(chain.newest.recipient) in wanted]
    if not failing:
        raise InvalidError(recipients="Recipients: nothing failed there that could be sent again")
    recover.resend([chain.newest.pk for chain in failing], caller(request))
    return JsonResponse({"email_notification": present([message])[0]}, status=201)


def present(messages: list[Message]) -> list[dict[str, Any]]:
    """In a fixed number of queries."""
    chains = _chains(messages)
    return [_present(message, chains[message.pk]) for message in messages]


def _rows() -> Any:
    return Message.objects.filter(ticket__isnull=False, notification__isnull=False).defer("body", "header")


def _chains(messages: list[Message]) -> dict[int, list[Chain]]:
    rows = Delivery.objects.filter(message__in=messages).select_related("person", "message").order_by("id")
    found: dict[int, list[Chain]] = defaultdict(list)
    for chain in standing.chains_of(list(rows.defer("header", "message__body", "message__header"))):
        found[chain.newest.message_id].append(chain)
    return found


def _present(message: Message, chains: list[Chain]) -> dict[str, Any]:
    updated = max((chain.newest.updated_at for chain in chains), default=message.created_at)
    return {
        "url": paging.url(f"email_notifications/{message.notification_id}.json"),
        "notification_id": message.notification_id,
        "email_id": message.email_id,
        "message_id": message.message_id,
        "ticket_id": message.ticket_id,
        "comment_id": message.comment_id,
        "recipients": [_present_recipient(chain, message) for chain in chains],
        "created_at": time(message.created_at),
        "updated_at": time(updated),
    }


def _present_recipient(chain: Chain, message: Message) -> dict[str, Any]:
    return {
        "user_id": chain.newest.person_id,
        "email_address": chain.newest.recipient,
        "delivery_status": _delivery_status(chain),
        "answerback": _ours(chain.newest)
        | {
            "delivery_id": chain.newest.pk,
            "role": chain.newest.role,
            "resolved": chain.resolution is not None,
            "trigger_id": message.trigger_id,
            "history": [
                {"delivery_id": row.pk, "email_address": row.recipient} | _ours(row) for row in chain.deliveries[:-1]
            ],
        },
    }


def _delivery_status(chain: Chain) -> dict[str, Any]:
    status = zendesk.statuses()[_status_id(chain.newest, chain.words)]
    return {
        "id": status.id,
        "name": status.name,
        "code": status.code,
        "message": status.text(get_language() or "en"),
    }


def _status_id(delivery: Delivery, words: Words) -> int:
    """By the rule of docs/api.md: what is only accepted by a relay, or on its way, is 0 "none"."""
    if words == Words.DELIVERED or (words == Words.ACCEPTED and delivery.final_hop):
        return zendesk.DELIVERED
    if words == Words.OUR_FAULT:
        return zendesk.OUR_FAULT
    if words in _ON_THE_WAY or words == Words.ACCEPTED:
        return zendesk.NONE
    return zendesk.status_id_for(delivery.smtp_code, EnhancedStatus.parse(delivery.enhanced_code), delivery.cause)


def _ours(delivery: Delivery) -> dict[str, Any]:
    entry = catalogue.load().cause(delivery.cause)
    words = entry.text(get_language() or "en")
    return {
        "state": delivery.state,
        "cause": delivery.cause or None,
        "cause_text": words.sentence if delivery.cause else None,
        "fixes": list(entry.fixes) if delivery.cause else [],
        "attempts": delivery.attempts,
        "ambiguous": delivery.ambiguous,
        "smtp_code": delivery.smtp_code,
        "enhanced_code": delivery.enhanced_code or None,
        "diagnostic": delivery.diagnostic,
        "remote_mta": delivery.remote_mta or None,
        "next_attempt_at": time(delivery.next_attempt_at),
    }
