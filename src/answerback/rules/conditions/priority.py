"""The ticket's priority; none < low < normal < high < urgent."""

from __future__ import annotations

from answerback.rules.conditions.comparing import compare
from answerback.rules.update_seen import Update
from answerback.tickets.update import PRIORITY_RANK


def holds(update: Update, operator: str, value: str) -> bool:
    return compare(update, "priority", update.ticket.priority, operator, value, PRIORITY_RANK)
