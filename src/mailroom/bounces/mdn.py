"""Refusals that come as a disposition notification: how Sieve's `reject` says no after the mail was accepted.

Policy (RFC 5429 §2.2, RFC 8098): a disposition notification says what became of a mail that arrived. It tells of a
refusal only where all of this is there: the recipient's filter acted by itself (`automatic-action`), the mail was
deleted, and the notice says that it was refused. QUIRK: Exchange has the same disposition for what somebody deleted
unread, and `denied` (RFC 2298) denies the receipt, not the mail: both stay receipts.

No code stands in such a notification, and neither code nor cause is read out of a reason that a person wrote ("we moved
to another supplier"): the mailbox is there, and its filter does not want the mail. Seen of Cyrus, Dovecot and James.
"""

from __future__ import annotations

import re
from typing import Final

from mailroom.bounces import phrases
from mailroom.bounces.dsn import MAX_DIAGNOSTIC, read_typed_address
from mailroom.bounces.json_text import message_id_in
from mailroom.bounces.notice import Notice
from mailroom.message import Mail, parse_header
from mailroom.report import Action, DeliveryReport, Source

_DELETED_BY_FILTER: Final = re.compile(r"\s*automatic-action\s*/[^;]{0,60};\s*deleted\b", re.I)
_FULL: Final = re.compile(r"quota|mailbox (?:for user )?is full", re.I)  # QUIRK: Dovecot refuses so what has no room
_REJECTED: Final = "(rejected)"  # QUIRK: "Auto-Submitted: auto-replied (rejected)", of Cyrus and Dovecot


def read(notice: Notice) -> list[DeliveryReport] | None:
    """One report for each notification that tells of a refusal; None where the mail holds none."""
    if not notice.disposition or not _says_refused(notice):
        return None
    fields = [parse_header(f"{text.strip()}\n\n".encode("utf-8", "replace")) for text in notice.disposition[:10]]
    return [_report(one, notice) for one in fields if _DELETED_BY_FILTER.match(one.header("Disposition"))] or None


def _says_refused(notice: Notice) -> bool:
    if _REJECTED in notice.header("Auto-Submitted").lower():
        return True
    return phrases.REFUSED_BY_FILTER.occur_in(phrases.folded(f"{notice.header('Subject')}\n{notice.text}"))


def _report(fields: Mail, notice: Notice) -> DeliveryReport:
    final = read_typed_address(fields.header("Final-Recipient"))
    original = read_typed_address(fields.header("Original-Recipient"))
    return DeliveryReport(
        recipient=final or original,
        action=Action.FAILED,
        permanent=True,
        diagnostic=notice.text.strip()[:MAX_DIAGNOSTIC],
        reporting_mta=fields.header("Reporting-UA").partition(";")[0].strip(),
        source=Source.REPORT,
        cause="mailbox_full" if _FULL.search(notice.text) else "recipient_restricted",
        original_message_id=message_id_in(fields.header("Original-Message-ID")),
        original_recipient=original,
        origins={
            "recipient": "final-recipient" if final else "original-recipient",
            "action": "disposition",
            "diagnostic": "text",
        },
    )
