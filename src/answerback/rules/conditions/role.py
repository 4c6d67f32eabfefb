"""Who made the update: "agent", "end_user", "system"."""

from __future__ import annotations

from answerback.rules.update_seen import Update


def holds(update: Update, operator: str, value: str) -> bool:
    return (update.role == value) == (operator != "is_not")
