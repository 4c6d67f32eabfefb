"""Where a merged conversation goes on.

Chains are followed to their end; a ring, which cannot be, ends where it began.
"""

from __future__ import annotations

from answerback.tickets.models import Ticket

TAG = "closed_by_merge"
LAST_COMMENT_KEPT = 2000  # characters of it that the remaining ticket quotes


def final(ticket: Ticket) -> Ticket:
    """The ticket itself, or the one that it and its successors were merged into."""
    seen = {ticket.pk}
    while ticket.merged_into_id and ticket.merged_into_id not in seen:
        seen.add(ticket.merged_into_id)
        ticket = Ticket.objects.get(pk=ticket.merged_into_id)
    return ticket


def into(ticket_id: int) -> list[Ticket]:
    """Every ticket that ended up here, also by way of another one, oldest first."""
    found: dict[int, Ticket] = {}
    layer = [ticket_id]
    while layer:
        rows = Ticket.objects.filter(merged_into__in=layer).exclude(pk__in=[*found, ticket_id])
        layer = [row.pk for row in rows]
        found |= {row.pk: row for row in rows}
    return sorted(found.values(), key=lambda row: row.pk)
