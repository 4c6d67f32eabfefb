"""Events of Mailgun: one JSON object with `event-data`, as its webhooks post it, or the events of its log.

`failed` is permanent or temporary by its `severity`; a temporary failure is still being tried. The server's words and
codes stand in `delivery-status`. What Mailgun did not try, since the address is on one of its lists, has a reason that
says so. `user-variables` hold what `X-Mailgun-Variables` of the mail held.
https://documentation.mailgun.com/docs/mailgun/user-manual/events/events
"""

from __future__ import annotations

from typing import Any, Final

from mailroom.bounces.codes import read_codes
from mailroom.bounces.json_text import message_id_in, object_of, objects_in, origins, string_of, token_in
from mailroom.bounces.notice import Notice
from mailroom.report import Action, DeliveryReport, Source
from mailroom.status import EnhancedStatus

_MARKS: Final = ('"event-data"', '"delivery-status"')
_EVENTS: Final = {
    "failed": Action.FAILED,
    "rejected": Action.FAILED,
    "delivered": Action.DELIVERED,
    "complained": Action.COMPLAINT,
    "unsubscribed": Action.COMPLAINT,
}
_FEEDBACK: Final = {"complained": "abuse", "unsubscribed": "opt-out"}
_SUPPRESSED: Final = frozenset({"suppress-bounce", "suppress-complaint", "suppress-unsubscribe"})


def read(notice: Notice) -> list[DeliveryReport] | None:
    if not any(mark in notice.text for mark in _MARKS):
        return None
    return [report for posted in objects_in(notice.text) if (report := _report(posted))] or None


def _report(posted: dict[str, Any]) -> DeliveryReport | None:
    event = object_of(posted, "event-data") or posted
    name = string_of(event, "event").lower()
    action, recipient = _EVENTS.get(name), string_of(event, "recipient")
    if action is None or "@" not in recipient:
        return None
    if action is Action.FAILED and string_of(event, "severity").lower() == "temporary":
        action = Action.DELAYED
    delivery = object_of(event, "delivery-status")
    said = string_of(delivery, "message") or string_of(delivery, "description")
    reports_failure = action in (Action.FAILED, Action.DELAYED)
    reply_code = _reply_code(delivery, said) if reports_failure else None
    status = EnhancedStatus.find(string_of(delivery, "enhanced-code")) or EnhancedStatus.find(said)
    if not reports_failure or (status and reply_code and reply_code // 100 != status.class_):
        status = None
    return DeliveryReport(
        recipient=recipient.strip("<> "),
        action=action,
        permanent=action is Action.FAILED and (reply_code is None or reply_code >= 500),
        reply_code=reply_code,
        status=status,
        diagnostic=said[:8192],
        remote_mta=string_of(delivery, "mx-host"),
        source=Source.FEEDBACK if action is Action.COMPLAINT else Source.REPORT,
        cause="provider_suppressed" if string_of(event, "reason").lower() in _SUPPRESSED else "",
        feedback_type=_FEEDBACK.get(name, ""),
        expired=string_of(event, "reason").lower() == "old",
        original_message_id=message_id_in(string_of(object_of(event, "message", "headers"), "message-id")),
        delivery_token=token_in(object_of(event, "user-variables")),
        told_by="mailgun",
        origins=origins("mailgun"),
    )


def _reply_code(delivery: dict[str, Any], said: str) -> int | None:
    """QUIRK: 605 and the like are Mailgun's own and no reply codes; 498 is its own as well, of a loop or a time-out."""
    code = string_of(delivery, "code")
    is_smtp = len(code) == 3 and code[0] in "45" and code[1] in "012345"
    return int(code) if is_smtp and code.isdecimal() else read_codes(said).reply_code
