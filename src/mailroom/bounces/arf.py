"""Feedback reports: ARF (RFC 5965), authentication failures (RFC 6591), and what Hotmail sends instead.

Policy: a complaint names its recipient only where the report does; most providers take it out. Then only what we put
into the mail ourselves tells who complained. The address our mail went to, as its To header has it, is the last resort.
"""

from __future__ import annotations

import re
from typing import Final

from mailroom.address import parse_addresses
from mailroom.bounces.notice import Notice
from mailroom.bounces.original import read_original
from mailroom.message import Mail
from mailroom.report import Action, DeliveryReport, Source

_FIELD = re.compile(r"^([A-Za-z][A-Za-z0-9-]{2,50})[ \t]?:[ \t]*(.*)$", re.M)
_RECIPIENT_FIELDS: Final = ("original-rcpt-to", "removal-recipient", "x-rcpt-to", "original-recipient")
_Fields = dict[str, list[str]]
# QUIRK: Hotmail's JMRP sends the mail back without a report part; a header put into it names the recipient.
_JMRP_SENDER: Final = "staff@hotmail.com"
_JMRP_RECIPIENT: Final = "X-HmXmrOriginalRecipient"


def read(notice: Notice) -> list[DeliveryReport] | None:
    """One report for each recipient named, or one that names nobody; None where this is no feedback report."""
    if notice.feedback:
        original = read_original(notice.original)
        return [report for text in notice.feedback[:10] for report in _complaints(notice, _fields(text), original)]
    if _JMRP_SENDER in notice.header("From").lower() and notice.original:
        original = read_original(notice.original)
        return _complaints(notice, {"original-rcpt-to": original.raw_headers(_JMRP_RECIPIENT)}, original)
    if notice.header("X-Apple-Unsubscribe"):
        return [_opt_out(notice)]
    return None


def _fields(text: str) -> _Fields:
    """The values of each field, names in lower case."""
    found: _Fields = {}
    for match in _FIELD.finditer(text):
        found.setdefault(match[1].lower(), []).append(match[2].strip())
    return found


def _first(fields: _Fields, name: str) -> str:
    return next(iter(fields.get(name, [])), "")


def _complaints(notice: Notice, fields: _Fields, original: Mail) -> list[DeliveryReport]:
    named = next((fields[name] for name in _RECIPIENT_FIELDS if fields.get(name)), [])
    recipients = [address.spec for address in parse_addresses(*named)]
    sent_to = [address.spec for address in original.to[:1]]
    template = DeliveryReport(
        recipient="",
        action=Action.COMPLAINT,
        diagnostic=notice.text.strip()[:2000],
        reporting_mta=_first(fields, "reporting-mta").rpartition(";")[2].strip(),
        remote_mta=_first(fields, "source-ip"),
        source=Source.FEEDBACK,
        feedback_type=_first(fields, "feedback-type").split(" ")[0].lower() or "abuse",
        original_message_id=original.message_id,
        origins={"recipient": "feedback-report" if recipients else "original", "diagnostic": "text"},
    )
    return [template._replace(recipient=recipient) for recipient in (recipients or sent_to or [""])[:1000]]


def _opt_out(notice: Notice) -> DeliveryReport:
    """QUIRK: Apple Mail's unsubscribe button, and the privacy relay, write a mail of their own."""
    sender = notice.mail.from_
    return DeliveryReport(
        recipient=sender.spec if sender else "",
        action=Action.COMPLAINT,
        diagnostic=notice.text.strip()[:2000],
        source=Source.FEEDBACK,
        feedback_type="opt-out",
        origins={"recipient": "from", "diagnostic": "text"},
    )
