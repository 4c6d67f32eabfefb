"""The ticket's tags: any of the words, or none of them."""

from __future__ import annotations

from answerback.rules.update_seen import Update


def holds(update: Update, operator: str, value: str) -> bool:
    found = bool(update.tags & set(value.lower().split()))
    return found if operator == "includes" else not found
