"""“Reply again”: which failed deliveries a new comment answers anew. Resolved when it is accepted for that person."""

from __future__ import annotations

from collections.abc import Sequence

from answerback.outbound.models import Delivery, Replacement
from answerback.tickets.models import Audit, Comment


def note(audit: Audit, delivery_ids: Sequence[int]) -> None:
    """Remember that the comment of `audit` stands for these deliveries of the same ticket."""
    comment = Comment.objects.filter(audit=audit, public=True).first()
    if comment is None or not delivery_ids:
        return
    rows = Delivery.objects.filter(pk__in=delivery_ids, ticket_id=audit.ticket_id)
    Replacement.objects.bulk_create([Replacement(delivery=row, comment=comment) for row in rows], ignore_conflicts=True)
