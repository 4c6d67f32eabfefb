"""Amazon SES events that Amazon SNS sends by mail: JSON in a text part.

Seen: "AWS Notification Message" from no-reply@sns.amazonaws.com, at times wrapped in SNS's own envelope, with line
ends inside strings (folded by the mail system) and a footer below. The recipients, codes and texts are those of a
delivery report; `mail.headers` are those of the mail, where SES is told to send them. What SES itself refuses names its
recipients there only.
https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from mailroom.bounces.codes import read_codes, read_remote_mta
from mailroom.bounces.dsn import better_status
from mailroom.bounces.json_text import MAX_EVENTS, object_of, objects_in, origins, string_of, token_among
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
    "reject": ("mail", "destination", Action.FAILED),
}
# Never tried: the address is on the list of the account, or on that of all accounts for a reason that is given.
_SUPPRESSED: Final = frozenset({"suppressed", "onaccountsuppressionlist"})
_INVALID: Final = "bouncing as an invalid address"


def read(notice: Notice) -> list[DeliveryReport] | None:
    if not any(mark in notice.text for mark in _MARKS):
        return None
    event = _event(notice.text)
    name = (string_of(event, "notificationType") or string_of(event, "eventType")).lower()
    if name not in _EVENTS:
        return None
    part, listed, action = _EVENTS[name]
    details = object_of(event, part)
    return [_report(recipient, details, event, action) for recipient in _recipients(details.get(listed))] or None


def _event(text: str) -> dict[str, Any]:
    """The event, taken out of the envelope of SNS where there is one."""
    outer = next(iter(objects_in(text)), {})
    message = outer.get("Message")
    return next(iter(objects_in(message)), {}) if isinstance(message, str) else outer


def _recipients(value: object) -> Iterator[dict[str, Any]]:
    """A delivery lists plain addresses, the other events objects."""
    for item in value[:MAX_EVENTS] if isinstance(value, list) else []:
        recipient = {"emailAddress": item} if isinstance(item, str) else item
        if isinstance(recipient, dict) and isinstance(recipient.get("emailAddress"), str):
            yield recipient


def _report(
    recipient: dict[str, Any], details: dict[str, Any], event: dict[str, Any], action: Action
) -> DeliveryReport:
    refused = string_of(object_of(event, "reject"), "reason")  # by SES: there was a virus in it
    diagnostic = string_of(recipient, "diagnosticCode") or string_of(details, "smtpResponse") or refused
    said = read_codes(diagnostic)
    status = better_status(EnhancedStatus.find(string_of(recipient, "status")), said.status)
    complaint = action is Action.COMPLAINT
    return DeliveryReport(
        recipient=recipient["emailAddress"].strip("<> "),
        action=action,
        permanent=action is Action.FAILED and _is_permanent(details, status, said.reply_code),
        reply_code=said.reply_code,
        status=None if complaint else status,
        diagnostic=diagnostic[:8192],
        reporting_mta=string_of(details, "reportingMTA").rpartition(";")[2].strip(),
        remote_mta=string_of(details, "remoteMtaIp") or read_remote_mta(diagnostic),
        source=Source.FEEDBACK if complaint else Source.REPORT,
        cause="content_refused" if refused else _cause_of_drop(details, diagnostic),
        feedback_type=string_of(details, "complaintFeedbackType").lower() or "abuse" if complaint else "",
        original_message_id=string_of(object_of(event, "mail", "commonHeaders"), "messageId"),
        delivery_token=token_among(object_of(event, "mail").get("headers")),
        queue_id=string_of(object_of(event, "mail"), "messageId"),
        told_by="ses",
        origins=origins("ses"),
    )


def _cause_of_drop(details: dict[str, Any], diagnostic: str) -> str:
    if string_of(details, "bounceSubType").lower() not in _SUPPRESSED:
        return ""
    return "address_unknown" if _INVALID in diagnostic else "provider_suppressed"


def _is_permanent(details: dict[str, Any], status: EnhancedStatus | None, reply_code: int | None) -> bool:
    """The code decides where there is one; SES's own label says "Transient" of a full mailbox that it gave up."""
    if status:
        return status.permanent
    return reply_code >= 500 if reply_code else string_of(details, "bounceType").lower() != "transient"
