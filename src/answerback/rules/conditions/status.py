"""The ticket's status; statuses are ordered new < open < pending < hold < solved < closed."""

from __future__ import annotations

from answerback.rules.conditions.comparing import compare
from answerback.rules.update_seen import Update
from answerback.tickets.update import STATUS_RANK


def holds(update: Update, operator: str, value: str) -> bool:
    rank = {str(status): number for status, number in STATUS_RANK.items()}
    return compare(update, "status", update.ticket.status, operator, value, rank)
