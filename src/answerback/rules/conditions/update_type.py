"""Was the ticket created or changed? Values "Create", "Change"."""

from __future__ import annotations

from answerback.rules.update_seen import Update


def holds(update: Update, operator: str, value: str) -> bool:
    return ("Create" if update.created else "Change") == value
