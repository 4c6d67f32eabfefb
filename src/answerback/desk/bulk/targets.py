"""From what was chosen (tickets, deliveries) to the items of a job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import QuerySet

from answerback.desk.bulk import KINDS, About
from answerback.outbound import failures
from answerback.outbound.models import Delivery
from answerback.tickets.models import Ticket

_BATCH = 500  # ids in one query: SQLite takes no endless lists


@dataclass(frozen=True)
class Target:
    """A ticket; for a failure or held mail the delivery too, None where the ticket has none."""

    ticket_id: int
    delivery_id: int | None = None
    options: dict[str, Any] = field(default_factory=dict)  # of this one alone


def of_tickets(kind: str, ticket_ids: Sequence[int]) -> list[Target]:
    """Each ticket once; a ticket with several failures is several targets, one without any says so later."""
    existing = [pk for batch in _batches(ticket_ids) for pk in _existing(batch)]
    about = KINDS[kind].about
    if about is About.TICKETS:
        return [Target(pk) for pk in existing]
    found: dict[int, list[int]] = {pk: [] for pk in existing}
    for batch in _batches(existing):
        for ticket_id, pk in _of(about, batch).order_by("id").values_list("ticket_id", "pk"):
            found[ticket_id].append(pk)
    return [target for ticket, rows in found.items() for target in _targets(ticket, rows)]


def of_deliveries(kind: str, delivery_ids: Sequence[int]) -> list[Target]:
    """These failures; for a kind that is about tickets, the tickets they belong to."""
    pairs = [pair for batch in _batches(delivery_ids) for pair in _pairs(batch)]
    if KINDS[kind].about is About.TICKETS:
        return [Target(ticket) for ticket in dict.fromkeys(ticket for ticket, _ in pairs)]
    return [Target(ticket, pk) for ticket, pk in pairs]


def _targets(ticket_id: int, delivery_ids: Sequence[int]) -> list[Target]:
    return [Target(ticket_id, pk) for pk in delivery_ids] or [Target(ticket_id)]


def _of(about: About, ticket_ids: Sequence[int]) -> QuerySet[Delivery]:
    if about is About.HELD:
        return failures.held_by_rules().filter(ticket__in=ticket_ids)
    return failures.of_tickets(ticket_ids)


def _existing(ticket_ids: Sequence[int]) -> list[int]:
    there = set(Ticket.objects.filter(pk__in=ticket_ids).values_list("pk", flat=True))
    return [pk for pk in dict.fromkeys(ticket_ids) if pk in there]


def _pairs(delivery_ids: Sequence[int]) -> list[tuple[int, int]]:
    rows = Delivery.objects.filter(pk__in=delivery_ids, ticket__isnull=False).order_by("ticket_id", "id")
    return [(ticket or 0, pk) for ticket, pk in rows.values_list("ticket_id", "pk")]


def _batches(ids: Sequence[int]) -> list[Sequence[int]]:
    return [ids[start : start + _BATCH] for start in range(0, len(ids), _BATCH)]
