"""Email notifications, as Zendesk has them, and beside each recipient what Zendesk does not tell: key `answerback`.

Mails without a ticket are not listed. A corrected resend takes the place of the address that failed; the old one stays
in `answerback.history`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import get_language
from ninja import Router, Schema

from answerback.api import paging
from answerback.api.auth import caller
from answerback.api.describe import BY_CURSOR, IDEMPOTENT, doc, listed, one, query
from answerback.api.errors import BadRequestError, InvalidError
from answerback.api.once import once
from answerback.api.users import time
from answerback.desk.fixing import recover, resending
from answerback.outbound import standing
from answerback.outbound.models import Delivery, Message
from answerback.outbound.standing import Chain, Words
from answerback.people import identities
from answerback.people.models import Account
from mailroom.address import normalise
from mailroom.causes import catalogue, zendesk
from mailroom.status import EnhancedStatus

router = Router(tags=["email notifications"])

_FILTERS = {"notification_id": "notification_id", "comment_id": "comment_id", "ticket_id": "ticket_id"}
_MANY = {"ids": "notification_id", "comment_ids": "comment_id", "ticket_ids": "ticket_id"}
FAILED, ALL = "failed", "all"
_WAITING = {Words.SENDING, Words.TRYING, Words.OUR_FAULT, Words.PAUSED}
_ON_THE_WAY = {Words.SENDING, Words.TRYING, Words.DELAYED, Words.CANCELLED, Words.PAUSED, Words.HELD}


class ResendIn(Schema):
    """`["failed"]` or addresses; `corrections`: the wrong address → the right one."""

    recipients: list[str] = [FAILED]
    corrections: dict[str, str] = {}


class RecipientsIn(Schema):
    """`["all"]` that it fits, or addresses."""

    recipients: list[str] = [ALL]
    note: str = ""
    by_phone: bool = False


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
    told_by: str | None
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
_RESEND = {"recipients": [FAILED], "corrections": {"anna@exmaple.org": "anna@example.org"}}
_decides = doc(NotificationAnswer, example={"recipients": [ALL], "note": "reached by phone"}, faults=(404, 422))
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
    **doc(NotificationAnswer, status=201, takes=IDEMPOTENT, example=_RESEND, faults=(404, 422)),
)
def resend_notification(request: HttpRequest, notification_id: int, body: ResendIn) -> HttpResponse:
    """The same message again, only where it failed

    To all whom it did not reach, or to these addresses. `corrections` puts mistyped addresses right for good and sends
    there. Who was reached gets nothing, nor does an address that mail is known to fail to: it would only be held.
    """
    return once(request, lambda: _resend(notification_id, body, caller(request)))


@router.post("/email_notifications/{int:notification_id}/handle", **_decides)
def handle_notification(request: HttpRequest, notification_id: int, body: RecipientsIn) -> HttpResponse:
    """Somebody saw to the failure in another way

    The failure is no longer open; it stays in the events with who, when and `note`. `by_phone` notes it as told on the
    phone, with an internal comment.
    """
    by, handle = caller(request), recover.reached_by_phone if body.by_phone else recover.mark_handled
    return _each(notification_id, body, _is_failing, lambda row: handle(row.pk, by, body.note))


@router.post("/email_notifications/{int:notification_id}/reopen", **_decides)
def reopen_notification(request: HttpRequest, notification_id: int, body: RecipientsIn) -> HttpResponse:
    """What was handled was not settled after all"""
    by = caller(request)
    return _each(notification_id, body, _was_failing, lambda row: recover.open_again(row.pk, by))


@router.post("/email_notifications/{int:notification_id}/retry", **_decides)
def retry_notification(request: HttpRequest, notification_id: int, body: RecipientsIn) -> HttpResponse:
    """Do not wait for the next attempt"""
    by = caller(request)
    return _each(notification_id, body, _is_waiting, lambda row: recover.retry_now(row.pk, by))


@router.post("/email_notifications/{int:notification_id}/stop", **_decides)
def stop_notification(request: HttpRequest, notification_id: int, body: RecipientsIn) -> HttpResponse:
    """Give up what still waits

    It counts as failed until it is sent again or handled.
    """
    by = caller(request)
    return _each(notification_id, body, _may_be_stopped, lambda row: recover.stop(row.pk, by))


@router.post("/email_notifications/{int:notification_id}/release", **_decides)
def release_notification(request: HttpRequest, notification_id: int, body: RecipientsIn) -> HttpResponse:
    """Send what is held"""
    by = caller(request)
    return _each(notification_id, body, _is_held, lambda row: recover.release(row.pk, by))


def present(messages: list[Message]) -> list[dict[str, Any]]:
    """In a fixed number of queries."""
    chains = _chains(messages)
    return [_present(message, chains[message.pk]) for message in messages]


def _resend(notification_id: int, body: ResendIn, by: Account) -> HttpResponse:
    message = _rows().get(notification_id=notification_id)
    failing = [chain.newest for chain in _wanted(message, body.recipients, FAILED) if chain.failing]
    if not failing:
        raise InvalidError(recipients="Recipients: nothing failed there that could be sent again")
    try:
        resending.resend(failing, body.corrections, by)
    except identities.BadAddressError as error:
        raise InvalidError(corrections=f"Corrections: {error.address} is not properly formatted") from None
    except identities.AddressTakenError as error:
        raise InvalidError(corrections=f"Corrections: {error.identity.address} is somebody else's address") from None
    except recover.SuppressedError:
        text = "Recipients: mail to them is known to fail; correct the address, or say that it works again"
        raise InvalidError(recipients=text) from None
    except recover.NotFailedError:
        raise InvalidError(recipients="Recipients: it was sent again already") from None
    return JsonResponse({"email_notification": present([message])[0]}, status=201)


def _each(
    notification_id: int, body: RecipientsIn, fits: Callable[[Chain], bool], work: Callable[[Delivery], None]
) -> HttpResponse:
    """Do it for each recipient that it fits; 422 where there is none, or others were quicker everywhere."""
    message = _rows().get(notification_id=notification_id)
    done = 0
    for chain in _wanted(message, body.recipients, ALL):
        if fits(chain):
            try:
                work(chain.newest)
                done += 1
            except recover.NotFailedError:
                continue
    if not done:
        raise InvalidError(recipients="Recipients: there is nothing of that kind (any more)")
    return JsonResponse({"email_notification": present([message])[0]})


def _wanted(message: Message, recipients: list[str], everybody: str) -> list[Chain]:
    chains = _chains([message])[message.pk]
    if recipients == [everybody]:
        return chains
    wanted = {normalise(address) for address in recipients}
    return [chain for chain in chains if normalise(chain.newest.recipient) in wanted]


def _is_failing(chain: Chain) -> bool:
    return chain.failing


def _was_failing(chain: Chain) -> bool:
    return chain.was_failing


def _is_waiting(chain: Chain) -> bool:
    return chain.words in _WAITING


def _is_held(chain: Chain) -> bool:
    return chain.words in (Words.HELD, Words.SUPPRESSED)


def _may_be_stopped(chain: Chain) -> bool:
    return _is_waiting(chain) or _is_held(chain)


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
        "recipients": [present_recipient(chain, message) for chain in chains],
        "created_at": time(message.created_at),
        "updated_at": time(updated),
    }


def present_recipient(chain: Chain, message: Message) -> dict[str, Any]:
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
    if words in _ON_THE_WAY or words in (Words.ACCEPTED, Words.NO_REPORTS):
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
        "told_by": delivery.told_by or None,
        "next_attempt_at": time(delivery.next_attempt_at),
    }
