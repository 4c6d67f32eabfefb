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
from mailroom.report import Action, DeliveryReport, Source

_FIELD = re.compile(r"^([A-Za-z][A-Za-z0-9-]{2,50})[ \t]?:[ \t]*(.*)$", re.M)
_RECIPIENT_FIELDS: Final = ("original-rcpt-to", "removal-recipient", "x-rcpt-to", "original-recipient")
# QUIRK: Hotmail's JMRP forwards the mail with no report part; this header names the recipient (cws fbl_hotmail).
_FORWARDED_COMPLAINT: Final = "X-HmXmrOriginalRecipient"
_HOTMAIL_SENDER = re.compile(r"staff@hotmail\.com", re.I)


def read(notice: Notice) -> list[DeliveryReport] | None:
    """One report for each recipient named, or one that names nobody; None where this is no feedback report."""
    if notice.feedback:
        return [_complaint(notice, _fields(text)) for text in notice.feedback[:10]]
    if notice.header("X-HmXmrOriginalRecipient") or _HOTMAIL_SENDER.search(notice.header("From")):
        return [_complaint(notice, {})]
    return None


def _fields(text: str) -> dict[str, str]:
    """The first of each field, names in lower case."""
    found: dict[str, str] = {}
    for match in _FIELD.finditer(text):
        found.setdefault(match[1].lower(), match[2].strip())
    return found


def _complaint(notice: Notice, fields: dict[str, str]) -> DeliveryReport:
    original = read_original(notice.original)
    named = next((fields[name] for name in _RECIPIENT_FIELDS if fields.get(name)), "")
    addresses = parse_addresses(named or notice.header(_FORWARDED_COMPLAINT)) or parse_addresses(original.header("To"))
    return DeliveryReport(
        recipient=addresses[0].spec if addresses else "",
        action=Action.COMPLAINT,
        diagnostic=notice.text.strip()[:2000],
        reporting_mta=fields.get("reporting-mta", "").rpartition(";")[2].strip(),
        remote_mta=fields.get("source-ip", ""),
        source=Source.FEEDBACK,
        feedback_type=fields.get("feedback-type", "abuse").split(" ")[0].lower(),
        original_message_id=original.header("Message-ID"),
        origins={"recipient": "feedback-report" if named else "original"},
    )
