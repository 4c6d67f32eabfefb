"""Solved for four days: closed. The automation every helpdesk has; nobody needs to do it by hand."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from answerback.core import clock
from answerback.desk import effects
from answerback.tickets import update
from answerback.tickets.changes import Changes
from answerback.tickets.models import Ticket

CLOSE_AFTER = timedelta(days=4)


def close_solved(limit: int = 200) -> int:
    """Close what has been solved long enough, oldest first. Gives how many.

    A ticket with an open failure stays: an answer that never arrived has solved nothing.
    """
    due = Ticket.objects.filter(
        status=Ticket.Status.SOLVED, solved_at__lte=clock.now() - CLOSE_AFTER, delivery_health=Ticket.Health.NONE
    )
    ids = list(due.order_by("solved_at").values_list("pk", flat=True)[:limit])
    for ticket_id in ids:
        with transaction.atomic():
            audit = update.apply(ticket_id, Changes(status=Ticket.Status.CLOSED), None, update.SYSTEM)
            if audit:
                effects.run(audit)
    return len(ids)
