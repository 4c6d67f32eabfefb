"""What rules for causes would make of a pasted reply or notice, and of the failures so far. Nothing is changed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from answerback.outbound.models import Delivery, Message
from mailroom.bounces.codes import read_codes
from mailroom.bounces.read import read
from mailroom.causes.classify import OWN, Verdict, classify
from mailroom.causes.own import OwnRule
from mailroom.message import parse
from mailroom.report import Action, DeliveryReport, Source
from mailroom.status import EnhancedStatus

LOOKED_AT = 1000  # failures, the newest
EXAMPLES = 5
TEXT_MAX = 64 * 1024  # characters of what is pasted
_REPLY = re.compile(r"[245]\d\d[ -]")
_DAEMON = "From: mailer-daemon@localhost\n\n"  # above the words of a notice that was pasted without its header


@dataclass(frozen=True, slots=True)
class Trial:
    """One thing that the text reports."""

    report: DeliveryReport
    verdict: Verdict
    otherwise: Verdict | None  # where an own rule named it: what ours would have named


@dataclass(frozen=True, slots=True)
class Rereading:
    """What the newest failures would be named today."""

    looked_at: int
    differing: int
    examples: Sequence[tuple[Delivery, str]]  # with the key of the other cause, one for each pair of old and new


def try_on(text: str, own: Sequence[OwnRule]) -> list[Trial]:
    """What the text reports, one entry for each recipient that it names; of a bare reply one that names nobody."""
    text = text[:TEXT_MAX].strip()
    return [_trial(report, own) for report in _reports_in(text)] if text else []


def reread(own: Sequence[OwnRule], now: Sequence[OwnRule]) -> Rereading:
    """Which failures `own` would name otherwise than they are named, if `own` or `now` has anything to say of them."""
    rows = Delivery.objects.filter(failed_at__isnull=False).exclude(diagnostic="").exclude(kind=Message.Kind.SYSTEM)
    rows = rows.only(
        "ticket", "recipient", "smtp_code", "enhanced_code", "diagnostic", "cause", "permanent", "remote_mta"
    )
    looked_at, differing, examples = 0, 0, dict[tuple[str, str], Delivery]()
    for row in rows.order_by("-failed_at", "-id")[:LOOKED_AT]:
        looked_at += 1
        report = _report_of(row)
        verdict = classify(report, own)
        if verdict.cause != row.cause and (_is_own(verdict) or _is_own(classify(report, now))):
            differing += 1
            examples.setdefault((row.cause, verdict.cause), row)
    return Rereading(looked_at, differing, [(row, cause) for (_, cause), row in [*examples.items()][:EXAMPLES]])


def _reports_in(text: str) -> list[DeliveryReport]:
    if not _REPLY.match(text):
        for notice in (text, _DAEMON + text):
            if reports := read(parse(notice.encode("utf-8", "replace"))).reports:
                return reports
    codes = read_codes(text)
    return [
        DeliveryReport(
            "",
            Action.RELAYED if _REPLY.match(text) and text[0] == "2" else Action.FAILED,
            reply_code=codes.reply_code,
            status=codes.status,
            diagnostic=text,
            source=Source.REPORT,
        )
    ]


def _trial(report: DeliveryReport, own: Sequence[OwnRule]) -> Trial:
    verdict = classify(report, own)
    return Trial(report, verdict, classify(report) if _is_own(verdict) else None)


def _is_own(verdict: Verdict) -> bool:
    return verdict.rule.startswith(f"{OWN}:")


def _report_of(row: Delivery) -> DeliveryReport:
    return DeliveryReport(
        row.recipient,
        Action.FAILED,
        permanent=row.permanent,
        reply_code=row.smtp_code,
        status=EnhancedStatus.find(row.enhanced_code),
        diagnostic=row.diagnostic,
        remote_mta=row.remote_mta,
        source=Source.REPORT,
    )
