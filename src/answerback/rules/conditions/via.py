"""How the ticket came: email, web, api (Zendesk's via_id 4, 0, 5)."""

from __future__ import annotations

from answerback.rules.update_seen import Update

_NUMBERS = {"4": "email", "0": "web", "5": "api"}


def holds(update: Update, operator: str, value: str) -> bool:
    return (update.ticket.via == _NUMBERS.get(value, value)) == (operator != "is_not")
