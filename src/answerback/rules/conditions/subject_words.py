"""Words of the ticket's subject."""

from __future__ import annotations

from answerback.rules.conditions.comparing import includes_word
from answerback.rules.update_seen import Update


def holds(update: Update, operator: str, value: str) -> bool:
    return includes_word(update.ticket.subject, operator, value)
