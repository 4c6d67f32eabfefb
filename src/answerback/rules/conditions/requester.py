"""The ticket's requester, by person id; current_user is who made the update."""

from __future__ import annotations

from answerback.rules.conditions.comparing import compare
from answerback.rules.update_seen import Update


def holds(update: Update, operator: str, value: str) -> bool:
    if value == "current_user":
        value = str(update.actor.pk) if update.actor else "the system asked for nothing"
    return compare(update, "requester_id", str(update.ticket.requester_id), operator, value)
