"""Which delivery a report is about, and how strong the proof is.

Policy (docs/glossary.md, "What a report is believed"): a report may change a delivery only as far as its proof goes.

* The signed return path that the mail came to, and the signed delivery token in the returned original, each prove one
  delivery. Only that recipient and the servers on its way have seen them. An expired or forged one proves nothing.
* Within the proof the report must name that recipient (or its original recipient), or name nobody, or the mail must be
  about one recipient only: a forwarded mail bounces under its new address. Then what came back must not be another
  message.
* Message-ID and recipient prove nothing: everybody in Cc knows them. Such a report becomes a note on the ticket.
* A provider's event is believed by its signature, or by the password of the call. It is about the delivery whose token
  it brings back. Without one, about that with its Message-ID and recipient, if there is only one (a mail that was sent
  again has the same two); or about that to its recipient which the provider took under the name that it says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from django.db.models import QuerySet

from answerback.outbound.models import Delivery
from answerback.outbound.tokens import Reader
from mailroom.address import normalise
from mailroom.bounces.read import Reading
from mailroom.report import DeliveryReport
from mailroom.return_path import Verdict

SHORTEST_QUEUE_ID = 8  # characters: less may stand in any reply


class Strength(StrEnum):
    """How a report was matched; the word stands in `DeliveryEvent.match`."""

    RETURN_PATH = "return_path"
    TOKEN = "token"  # noqa: S105
    MESSAGE_ID = "message_id"
    PROVIDER = "provider"  # what a provider says of itself, in a call that it has signed


@dataclass(frozen=True, slots=True)
class Match:
    delivery: Delivery
    strength: Strength


@dataclass(frozen=True, slots=True)
class Proofs:
    """The deliveries that a mail proves, strongest first; and why signed marks that it carries prove nothing."""

    matches: Sequence[Match] = ()
    rejected: Mapping[Verdict, int] = field(default_factory=dict)


def proofs_of(reading: Reading, envelope_to: Sequence[str]) -> Proofs:
    """What the mail proves. Deliveries that are gone are left out."""
    reader = Reader.current()
    marks = [(Strength.RETURN_PATH, found) for address in envelope_to if (found := reader.return_path(address))]
    marks += [(Strength.TOKEN, reader.delivery_token(token)) for token in reading.delivery_tokens]
    rejected: dict[Verdict, int] = {}
    proven: dict[int, Strength] = {}
    for strength, mark in marks:
        if mark.verdict is Verdict.VALID and mark.delivery_id is not None:
            proven.setdefault(mark.delivery_id, strength)
        else:
            rejected[mark.verdict] = rejected.get(mark.verdict, 0) + 1
    rows = _rows().in_bulk(proven)
    return Proofs([Match(rows[pk], strength) for pk, strength in proven.items() if pk in rows], rejected)


def match(report: DeliveryReport, proofs: Proofs, about_one: bool) -> Match | None:
    """The delivery whose proof covers this report. `about_one`: the mail reports about one recipient only."""
    agreeing = [found for found in proofs.matches if agrees(report, found.delivery.recipient)]
    if agreeing:
        return agreeing[0]
    if not about_one and report.recipient:
        return None
    strongest = [found for found in proofs.matches if found.strength is proofs.matches[0].strength]
    if len(strongest) != 1 or _is_about_another_message(report, strongest[0].delivery):
        return None
    return strongest[0]


def _is_about_another_message(report: DeliveryReport, delivery: Delivery) -> bool:
    return report.original_message_id not in ("", delivery.message.message_id)


def unproven(report: DeliveryReport) -> Match | None:
    """The delivery that Message-ID and recipient of the report point at, the newest of its chain."""
    if not report.original_message_id:
        return None
    rows = _rows().filter(message__message_id=report.original_message_id).order_by("-id")
    return next((Match(row, Strength.MESSAGE_ID) for row in rows if agrees(report, row.recipient)), None)


def match_events(reports: Sequence[DeliveryReport]) -> list[Match | None]:
    """The delivery that each event of a provider is about."""
    reader = Reader.current()
    tokens = [reader.delivery_token(report.delivery_token).delivery_id for report in reports]
    by_token = _rows().in_bulk([pk for pk in tokens if pk is not None])
    by_message: dict[str, list[Delivery]] = {}
    for row in _rows().filter(message__message_id__in={report.original_message_id for report in reports} - {""}):
        by_message.setdefault(row.message.message_id, []).append(row)
    recipients = Delivery.objects.filter(recipient__in={report.recipient for report in reports})
    written_to = set(recipients.values_list("recipient", flat=True).distinct())

    def by_words(report: DeliveryReport) -> Match | None:
        rows = [row for row in by_message.get(report.original_message_id, ()) if agrees(report, row.recipient)]
        if len(rows) != 1 and report.recipient in written_to:
            rows = _taken_as(report)
        return Match(rows[0], Strength.PROVIDER) if len(rows) == 1 else None

    return [
        Match(by_token[pk], Strength.TOKEN) if pk in by_token else by_words(report)
        for report, pk in zip(reports, tokens, strict=True)
    ]


def _taken_as(report: DeliveryReport) -> list[Delivery]:
    """Those to the recipient whose 250 named the mail so."""
    if len(report.queue_id) < SHORTEST_QUEUE_ID:
        return []
    said = {"attempt_rows__outcome": "accepted", "attempt_rows__diagnostic__contains": report.queue_id}
    return list(_rows().filter(recipient=report.recipient, **said).distinct()[:2])


def _rows() -> QuerySet[Delivery]:
    rows = Delivery.objects.select_related("message", "person")
    return rows.defer("header", "message__header", "message__body")


def about_one_recipient(reports: Sequence[DeliveryReport]) -> bool:
    return len({normalise(report.original_recipient or report.recipient) for report in reports}) <= 1


def agrees(report: DeliveryReport, recipient: str) -> bool:
    """Whether the report names this recipient, as the final or the original one (RFC 3464 §2.3.1, §2.3.2)."""
    return normalise(recipient) in {normalise(report.recipient), normalise(report.original_recipient)}
