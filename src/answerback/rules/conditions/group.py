"""The ticket's group, by id; "" is none."""

from __future__ import annotations

from answerback.rules.conditions.comparing import compare
from answerback.rules.update_seen import Update


def holds(update: Update, operator: str, value: str) -> bool:
    return compare(update, "group_id", str(update.ticket.group_id or ""), operator, value)
