"""The ticket's type: question, incident, problem, task."""

from __future__ import annotations

from answerback.rules.conditions.comparing import compare
from answerback.rules.update_seen import Update


def holds(update: Update, operator: str, value: str) -> bool:
    return compare(update, "type", update.ticket.type, operator, value)
