"""The support address the ticket was written to. It has no operator (Zendesk: "recipient")."""

from __future__ import annotations

from answerback.rules.update_seen import Update
from mailroom.address import normalise


def holds(update: Update, operator: str, value: str) -> bool:
    return update.ticket.support_address.normal == normalise(value)
