"""The ticket's assignee, by account id; "" is nobody, current_user who made the update, requester_id the requester."""

from __future__ import annotations

from answerback.rules.conditions.comparing import compare
from answerback.rules.update_seen import Update


def holds(update: Update, operator: str, value: str) -> bool:
    if value == "current_user":
        value = str(update.actor_account.pk) if update.actor_account else "nobody who could be assigned"
    return compare(update, "assignee_id", str(update.ticket.assignee_id or ""), operator, value)
