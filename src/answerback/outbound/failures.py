"""Failures that nobody has put right, across tickets: what fixing many begins with. Reads only.

Policy: a resend whose outcome is not known yet stands for what it replaces, so that nothing is sent twice; of a chain
of resends only the newest counts. The tickets' delivery health says where to look, so that however long the history
is, only deliveries of tickets with an open failure are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Exists, Max, Min, OuterRef, Q, QuerySet

from answerback.outbound.lifecycle import SUPPRESSED
from answerback.outbound.models import Delivery, Message, Resolution
from answerback.tickets.models import Ticket
from mailroom.states import State

UNHEALTHY = (Ticket.Health.FAILED, Ticket.Health.AUTOMATIC_FAILED)
_FAILING = Q(state__in=[State.FAILED, State.CANCELLED]) | Q(state=State.HELD, hold_reason=SUPPRESSED)


@dataclass(frozen=True)
class Wanted:
    """Which open failures; what is empty does not narrow."""

    cause: str | None = None  # "" is a cause too: stopped by a person, nothing was said
    domain: str = ""  # of the recipient
    destination: str = ""
    since: datetime | None = None
    until: datetime | None = None


def open_failures(wanted: Wanted | None = None) -> QuerySet[Delivery]:
    """Newest of their chains, failing, and not resolved."""
    rows = _unresolved().filter(ticket__delivery_health__in=UNHEALTHY)
    return _narrowed(rows, wanted or Wanted())


def of_tickets(ticket_ids: Sequence[int]) -> QuerySet[Delivery]:
    return _unresolved().filter(ticket__in=ticket_ids)


def held_by_rules(reason: str = "") -> QuerySet[Delivery]:
    """What triggers keep back until somebody says "send"; `reason`: by one of them."""
    held = Delivery.objects.filter(state=State.HELD, ticket__isnull=False).exclude(hold_reason=SUPPRESSED)
    held = held.exclude(kind=Message.Kind.AGENT)
    return held.filter(hold_reason=reason) if reason else held


def held_groups() -> list[dict[str, Any]]:
    """By rule: {"hold_reason", "failures", "tickets", "first", "last"}, the most first."""
    rows = held_by_rules().values("hold_reason").order_by("hold_reason")
    found = rows.annotate(
        failures=Count("pk"), tickets=Count("ticket", distinct=True), first=Min("queued_at"), last=Max("queued_at")
    )
    return sorted(found, key=lambda row: -row["failures"])


def _unresolved() -> QuerySet[Delivery]:
    resolved = Resolution.objects.filter(delivery=OuterRef("pk"), revoked_at__isnull=True)
    later = Delivery.objects.filter(resent_from=OuterRef("pk"))
    rows = Delivery.objects.filter(_FAILING, ~Exists(resolved), ~Exists(later), ticket__isnull=False)
    return rows.exclude(kind=Message.Kind.AGENT)


def _narrowed(rows: QuerySet[Delivery], wanted: Wanted) -> QuerySet[Delivery]:
    if wanted.cause is not None:
        rows = rows.filter(cause=wanted.cause)
    if wanted.domain:
        rows = rows.filter(recipient__iendswith=f"@{wanted.domain}")
    if wanted.destination:
        rows = rows.filter(destination=wanted.destination)
    if wanted.since:
        rows = rows.filter(updated_at__gte=wanted.since)
    if wanted.until:
        rows = rows.filter(updated_at__lte=wanted.until)
    return rows
