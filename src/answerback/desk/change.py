"""A change of a ticket's fields, by an agent."""

from __future__ import annotations

from django.db import transaction

from answerback.desk.running_rules import effects
from answerback.people.models import Account
from answerback.tickets import update
from answerback.tickets.changes import Changes
from answerback.tickets.models import Audit


def change(ticket_id: int, changes: Changes, by: Account, via: str = "web") -> Audit | None:
    """Carry out `changes` and what triggers make of them. TicketClosedError, Ticket.DoesNotExist."""
    with transaction.atomic():
        audit = update.apply(ticket_id, changes, by.person, via)
        if audit:
            effects.run(audit)
    return audit
