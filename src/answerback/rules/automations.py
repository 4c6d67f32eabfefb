"""The automations in force, and what each remembers: where its last run ended, and what it has seen to."""

from __future__ import annotations

from collections.abc import Sequence

from answerback.rules.models import Automation, AutomationMark
from answerback.tickets.models import Ticket


def in_force() -> list[Automation]:
    return list(Automation.objects.filter(active=True, deleted_at__isnull=True))


def remember_place(automation: Automation, ticket_id: int) -> None:
    """Where the next run goes on; 0 is the beginning."""
    if automation.looked_until != ticket_id:
        Automation.objects.filter(pk=automation.pk).update(looked_until=ticket_id)


def marks(automation: Automation, ticket_ids: Sequence[int]) -> dict[int, int]:
    """Ticket id → the audit up to which the automation has seen to it."""
    rows = AutomationMark.objects.filter(automation=automation, ticket__in=ticket_ids)
    return dict(rows.values_list("ticket_id", "audit_id"))


def mark(automation: Automation, ticket: Ticket) -> None:
    """Everything up to now is seen to."""
    newest = ticket.audits.order_by("-id").values_list("pk", flat=True).first() or 0
    AutomationMark.objects.update_or_create(automation=automation, ticket=ticket, defaults={"audit_id": newest})
