"""A ticket that an agent opens: mailed to requester and CCs by the trigger for proactive tickets."""

from __future__ import annotations

from django.db import transaction

from answerback.desk import effects
from answerback.tickets import update
from answerback.tickets.changes import NewTicket
from answerback.tickets.models import Audit


def open_ticket(new: NewTicket) -> Audit:
    """Store the ticket and what triggers make of it; `audit.ticket` is the ticket."""
    with transaction.atomic():
        audit = update.create(new)
        effects.run(audit)
    return audit
