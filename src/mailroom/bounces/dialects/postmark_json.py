"""Notices of Postmark: one JSON object, told apart by `RecordType`, as its webhooks post it.

A bounce has one of Postmark's own types; some of them are no failure (an automatic reply, an opened account). The
server's words stand in `Details`. The notice does not hold our Message-ID, only Postmark's own; `Metadata` holds what
`X-PM-Metadata-…` headers of the mail held.
https://postmarkapp.com/developer/webhooks/bounce-webhook
"""

from __future__ import annotations

from typing import Any, Final

from mailroom.bounces.codes import read_codes
from mailroom.bounces.json_text import message_id_in, object_of, objects_in, origins, string_of, token_in
from mailroom.bounces.notice import Notice
from mailroom.report import Action, DeliveryReport, Source

_MARK: Final = '"RecordType"'
_RECORDS: Final = {"bounce": Action.FAILED, "spamcomplaint": Action.COMPLAINT, "delivery": Action.DELIVERED}
_NO_FAILURE: Final = frozenset(
    {"autoresponder", "subscribe", "unsubscribe", "addresschange", "opentest", "inbounderror"}
)
_STILL_TRYING: Final = frozenset({"transient"})
# Types that say what the server's words may leave out.
_CAUSES: Final = {
    "manuallydeactivated": "provider_suppressed",
    "unconfirmed": "provider_suppressed",
    "dnserror": "dns_failure",
    "bademailaddress": "address_syntax",
    "spamnotification": "spam_content",
    "virusnotification": "content_refused",
    "challengeverification": "challenge",
    "dmarcpolicy": "auth_policy",
}


def read(notice: Notice) -> list[DeliveryReport] | None:
    if _MARK not in notice.text:
        return None
    return [report for record in objects_in(notice.text) if (report := _report(record))] or None


def _report(record: dict[str, Any]) -> DeliveryReport | None:
    kind = string_of(record, "Type").lower()
    action = _RECORDS.get(string_of(record, "RecordType").lower())
    recipient = string_of(record, "Email") or string_of(record, "Recipient")
    if action is None or "@" not in recipient or (action is Action.FAILED and kind in _NO_FAILURE):
        return None
    if action is Action.FAILED and kind in _STILL_TRYING:
        action = Action.DELAYED
    said = string_of(record, "Details") or string_of(record, "Description")
    codes = read_codes(said)
    reports_failure = action in (Action.FAILED, Action.DELAYED)
    return DeliveryReport(
        recipient=recipient.strip("<> "),
        action=action,
        permanent=action is Action.FAILED and kind != "softbounce",
        reply_code=codes.reply_code if reports_failure else None,
        status=codes.status if reports_failure else None,
        diagnostic=said[:8192],
        source=Source.FEEDBACK if action is Action.COMPLAINT else Source.REPORT,
        cause=_CAUSES.get(kind, "") if reports_failure else "",
        feedback_type="abuse" if action is Action.COMPLAINT else "",
        original_message_id=_message_id(record),
        delivery_token=token_in(object_of(record, "Metadata")),
        queue_id=string_of(record, "MessageID"),
        told_by="postmark",
        origins=origins("postmark"),
    )


def _message_id(record: dict[str, Any]) -> str:
    """Ours, where it was handed to Postmark as metadata of the mail."""
    return message_id_in(string_of(object_of(record, "Metadata"), "message-id"))
