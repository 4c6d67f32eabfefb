"""Mail that comes back: reports about what we have sent.

A mail is handled in the transaction of whoever settles it; events of a provider, which may be thousands, in several.
Reading either again changes nothing: a mail counts once per delivery and fact, and leaves one note.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from answerback.core import db
from answerback.outbound import cause_rules, lifecycle, matching, way_back
from answerback.outbound.matching import Match, Proofs
from answerback.outbound.told import Outcome
from answerback.store.models import RawMail
from answerback.tickets import update
from answerback.tickets.changes import Changes, TicketFact
from answerback.tickets.models import Event
from mailroom.bounces.read import Reading, read
from mailroom.causes.classify import classify
from mailroom.message import Mail
from mailroom.report import DeliveryReport
from mailroom.return_path import Verdict

BATCH = 200  # events that are noted in one transaction
UNPROVEN = "unproven_report"  # the note's word; workspace has its sentence
State = RawMail.State


@dataclass(frozen=True, slots=True)
class Result:
    """Where the received mail stands now: a state of RawMail, a machine word why, and the ticket it is about."""

    state: str
    reason: str = ""
    ticket_id: int | None = None


def handle_report(raw_mail_id: int, mail: Mail, envelope_to: Sequence[str]) -> Result:
    """Conclude from a report, as far as its proof goes."""
    reading = read(mail)
    proofs = matching.proofs_of(reading, envelope_to)
    if not reading.reports:
        return Result(State.UNMATCHED, "nothing-reported", _ticket_of(proofs))
    outcomes = _outcomes(raw_mail_id, reading, proofs)
    if outcomes:
        lifecycle.record(outcomes)
        return Result(State.REPORT, reading.kind, _ticket_of(proofs))
    return _note(raw_mail_id, reading) or Result(State.UNMATCHED, _why_unmatched(proofs))


def handle_events(raw_mail_id: int, reports: Sequence[DeliveryReport]) -> Result:
    """Conclude from what a provider told of mail that it took from us; that it was the provider is known by now.

    Its account may send other mail, too: what is not ours has no effect, and nobody has to look at it.
    """
    if not reports:
        return Result(State.IGNORED, "no-outcome")
    matches = zip(reports, matching.match_events(reports), strict=True)
    found = [(report, match) for report, match in matches if match]
    outcomes = [
        Outcome(match.delivery.pk, report, match=match.strength, raw_mail_id=raw_mail_id) for report, match in found
    ]
    for start in range(0, len(outcomes), BATCH):
        lifecycle.record(outcomes[start : start + BATCH])
    if not found:
        return Result(State.IGNORED, "other-mail")
    return Result(State.REPORT, "event", found[0][1].delivery.ticket_id)


def _outcomes(raw_mail_id: int, reading: Reading, proofs: Proofs) -> list[Outcome]:
    about_one = matching.about_one_recipient(reading.reports)
    matches = [(report, matching.match(report, proofs, about_one)) for report in reading.reports]
    return [
        Outcome(found.delivery.pk, report, match=found.strength, raw_mail_id=raw_mail_id)
        for report, found in matches
        if found
    ]


def _note(raw_mail_id: int, reading: Reading) -> Result | None:
    """Tell the ticket of a report that names its mail without proving anything. One note for a delivery and action."""
    for report in reading.reports:
        found = matching.unproven(report)
        if found and way_back.note_unproven(found.delivery):
            return Result(State.REPORT, "unproven")
        if found is None or (ticket_id := found.delivery.ticket_id) is None:
            continue
        if not _is_noted(ticket_id, found, report):
            fact = TicketFact(Event.Kind.DELIVERY_NOTE, _payload(raw_mail_id, report, found))
            update.apply(ticket_id, Changes(facts=[fact]), None, update.SYSTEM)
        return Result(State.REPORT, "unproven", ticket_id)
    return None


def _is_noted(ticket_id: int, found: Match, report: DeliveryReport) -> bool:
    return Event.objects.filter(
        ticket_id=ticket_id,
        kind=Event.Kind.DELIVERY_NOTE,
        data__note=UNPROVEN,
        data__delivery_id=found.delivery.pk,
        data__action=report.action,
    ).exists()


def _payload(raw_mail_id: int, report: DeliveryReport, found: Match) -> dict[str, object]:
    delivery = found.delivery
    return {
        "note": UNPROVEN,
        "raw_mail_id": raw_mail_id,
        "delivery_id": delivery.pk,
        "notification_id": delivery.message.notification_id,
        "recipient": delivery.recipient,
        "person": delivery.person.name if delivery.person else delivery.recipient,
        "action": report.action,
        "cause": classify(report, cause_rules.current()).cause,
        "smtp_code": report.reply_code,
        "enhanced_code": str(report.status or ""),
        "diagnostic": db.storable(report.diagnostic, 1000),
        "match": found.strength,
    }


def _ticket_of(proofs: Proofs) -> int | None:
    return next((found.delivery.ticket_id for found in proofs.matches), None)


def _why_unmatched(proofs: Proofs) -> str:
    if proofs.matches:
        return "other-recipient"
    if proofs.rejected.get(Verdict.EXPIRED):
        return "expired-return-path"
    return "forged" if proofs.rejected.get(Verdict.FORGED) else "no-proof"
