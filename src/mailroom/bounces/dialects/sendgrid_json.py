"""Events of Twilio SendGrid: a list of JSON objects, one for each recipient, as its event webhook posts them.

`event` is bounce, dropped (never tried), deferred, delivered or spamreport; the others say nothing of delivery. The
server's words stand in `reason` or `response`. The `unique_args` of the mail stand beside them.
https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event
"""

from __future__ import annotations

from typing import Any, Final

from mailroom.bounces.codes import read_codes
from mailroom.bounces.dsn import better_status
from mailroom.bounces.json_text import message_id_in, objects_in, origins, string_of, token_in
from mailroom.bounces.notice import Notice
from mailroom.report import Action, DeliveryReport, Source
from mailroom.status import EnhancedStatus

_MARKS: Final = ('"sg_event_id"', '"sg_message_id"', '"smtp-id"')
_EVENTS: Final = {
    "bounce": Action.FAILED,
    "dropped": Action.FAILED,
    "deferred": Action.DELAYED,
    "delivered": Action.DELIVERED,
    "spamreport": Action.COMPLAINT,
    "unsubscribe": Action.COMPLAINT,
    "group_unsubscribe": Action.COMPLAINT,
}
_FEEDBACK: Final = {"spamreport": "abuse", "unsubscribe": "opt-out", "group_unsubscribe": "opt-out"}
# Why SendGrid dropped a mail without trying: the address is on one of its lists, or is none. Other reasons ("Invalid
# SMTPAPI header", "Spam Content") speak for themselves.
_DROPPED: Final = {
    "bounced address": "provider_suppressed",
    "spam reporting address": "provider_suppressed",
    "unsubscribed address": "provider_suppressed",
    "invalid": "address_syntax",
}


def read(notice: Notice) -> list[DeliveryReport] | None:
    if not any(mark in notice.text for mark in _MARKS):
        return None
    return [report for event in objects_in(notice.text) if (report := _report(event))] or None


def _report(event: dict[str, Any]) -> DeliveryReport | None:
    name = string_of(event, "event").lower()
    action, recipient = _EVENTS.get(name), string_of(event, "email")
    if action is None or "@" not in recipient:
        return None
    said = string_of(event, "reason") or string_of(event, "response")
    codes = read_codes(said)
    reports_failure = action in (Action.FAILED, Action.DELAYED)
    status = better_status(EnhancedStatus.find(string_of(event, "status")), codes.status) if reports_failure else None
    reply_code = codes.reply_code if reports_failure else None
    if status and reply_code and reply_code // 100 != status.class_:
        status = None  # QUIRK: "status": "5.0.0" beside a 4xx
    return DeliveryReport(
        recipient=recipient.strip("<> "),
        action=action,
        permanent=action is Action.FAILED and (reply_code is None or reply_code >= 500),
        reply_code=reply_code,
        status=status,
        diagnostic=said[:8192],
        source=Source.FEEDBACK if action is Action.COMPLAINT else Source.REPORT,
        cause=_DROPPED.get(said.lower().rstrip("."), "") if name == "dropped" else "",
        feedback_type=_FEEDBACK.get(name, ""),
        original_message_id=message_id_in(string_of(event, "smtp-id")),
        delivery_token=token_in(event),
        queue_id=string_of(event, "sg_message_id").partition(".")[0],
        told_by="sendgrid",
        origins=origins("sendgrid"),
    )
