"""Amazon SES events that Amazon SNS sends by mail: JSON in a text part.

Seen: "AWS Notification Message" from no-reply@sns.amazonaws.com, at times wrapped in SNS's own envelope, with line
ends inside strings (folded by the mail system) and a footer below. The recipients, codes and texts are those of a
delivery report. https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from mailroom.bounces.codes import read_codes, read_remote_mta
from mailroom.bounces.dsn import better_status
from mailroom.bounces.notice import Notice
from mailroom.report import Action, DeliveryReport, Source
from mailroom.status import EnhancedStatus

_MARKS: Final = ('"notificationType"', '"eventType"', '\\"notificationType\\"', '\\"eventType\\"')
# Event -> (its object, the list of recipients in it, action)
_EVENTS: Final = {
    "bounce": ("bounce", "bouncedRecipients", Action.FAILED),
    "deliverydelay": ("deliveryDelay", "delayedRecipients", Action.DELAYED),
    "complaint": ("complaint", "complainedRecipients", Action.COMPLAINT),
    "delivery": ("delivery", "recipients", Action.DELIVERED),
}
_DECODER: Final = json.JSONDecoder(strict=False)  # line ends inside strings


def read(notice: Notice) -> list[DeliveryReport] | None:
    if not any(mark in notice.text for mark in _MARKS):
        return None
    event = _event(notice.text)
    name = str(event.get("notificationType") or event.get("eventType") or "").lower()
    if name not in _EVENTS:
        return None
    part, listed, action = _EVENTS[name]
    details = _object(event.get(part))
    return [_report(recipient, details, event, action) for recipient in _recipients(details.get(listed))] or None


def _event(text: str) -> dict[str, Any]:
    """The event, taken out of the envelope of SNS where there is one."""
    outer = _decoded(text)
    message = outer.get("Message")
    return _decoded(message) if isinstance(message, str) else outer


def _decoded(text: str) -> dict[str, Any]:
    start = text.find("{")
    if start < 0:
        return {}
    try:
        return _object(_DECODER.raw_decode(text, start)[0])
    except (ValueError, RecursionError):
        return {}


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _recipients(value: object) -> Iterator[dict[str, Any]]:
    """A delivery lists plain addresses, the other events objects."""
    for item in value[:1000] if isinstance(value, list) else []:
        recipient = {"emailAddress": item} if isinstance(item, str) else _object(item)
        if isinstance(recipient.get("emailAddress"), str):
            yield recipient


def _report(
    recipient: dict[str, Any], details: dict[str, Any], event: dict[str, Any], action: Action
) -> DeliveryReport:
    diagnostic = str(recipient.get("diagnosticCode") or details.get("smtpResponse") or "")
    said = read_codes(diagnostic)
    status = better_status(EnhancedStatus.find(str(recipient.get("status") or "")), said.status)
    complaint = action is Action.COMPLAINT
    mail = _object(event.get("mail"))
    return DeliveryReport(
        recipient=recipient["emailAddress"].strip("<> "),
        action=action,
        permanent=action is Action.FAILED and _is_permanent(details, status, said.reply_code),
        reply_code=said.reply_code,
        status=None if complaint else status,
        diagnostic=diagnostic[:8192],
        reporting_mta=str(details.get("reportingMTA") or "").rpartition(";")[2].strip(),
        remote_mta=str(details.get("remoteMtaIp") or "") or read_remote_mta(diagnostic),
        source=Source.FEEDBACK if complaint else Source.REPORT,
        feedback_type=str(details.get("complaintFeedbackType") or "abuse").lower() if complaint else "",
        original_message_id=str(_object(mail.get("commonHeaders")).get("messageId") or ""),
        origins={"recipient": "ses", "status": "ses"},
    )


def _is_permanent(details: dict[str, Any], status: EnhancedStatus | None, reply_code: int | None) -> bool:
    """The code decides where there is one; SES's own label says "Transient" of a full mailbox that it gave up."""
    if status:
        return status.permanent
    return reply_code >= 500 if reply_code else str(details.get("bounceType")).lower() != "transient"
