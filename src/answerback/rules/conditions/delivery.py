"""A delivery failure in this update, by the failure's own payload: what failed, an "answer" or "automatic" mail."""

from __future__ import annotations

from answerback.rules.update_seen import Update


def holds(update: Update, operator: str, value: str) -> bool:
    found = any(value in ("failed", failure.get("message_kind")) for failure in update.failures)
    return found if operator != "is_not" else not found
