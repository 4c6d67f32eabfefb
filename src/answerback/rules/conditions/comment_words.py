"""Words of the update's comment."""

from __future__ import annotations

from answerback.rules.conditions.comparing import includes_word
from answerback.rules.update_seen import Update


def holds(update: Update, operator: str, value: str) -> bool:
    return includes_word(update.comment.text if update.comment else "", operator, value)
