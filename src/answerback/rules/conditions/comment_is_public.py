"""The update's comment: "true" public, "false" internal, "not_relevant" any, "requester_can_see_comment" public."""

from __future__ import annotations

from answerback.rules.update_seen import Update


def holds(update: Update, operator: str, value: str) -> bool:
    if update.comment is None:
        return False
    if value == "not_relevant":
        return True
    return update.comment.public == (value != "false")
