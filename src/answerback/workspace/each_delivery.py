"""Deliveries one by one, newest first, each with how it stands: a history shows resends too."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import QuerySet

from answerback.outbound import lost_time, standing, way_back
from answerback.outbound.models import Delivery
from answerback.outbound.standing import Chain


def rows() -> QuerySet[Delivery]:
    """With everything a line of a history shows, and without the octets."""
    related = ("message", "identity", "person", "stopped_by__person")
    return Delivery.objects.select_related(*related).defer("message__body", "message__header", "header")


def standings(recent: Sequence[Delivery]) -> list[Chain]:
    """Each delivery as a chain of its own; a fixed number of queries whatever their number."""
    chains = {delivery.pk: chain for chain in standing.chains_of(recent) for delivery in chain.deliveries}
    known, blind = lost_time.lanes_of({row.destination for row in recent}), way_back.blind()
    return [
        Chain(
            [row],
            standing.words_of(row, known.get(row.destination), blind),
            chains[row.pk].resolution,
            chains[row.pk].unresolved,
        )
        for row in recent
    ]
