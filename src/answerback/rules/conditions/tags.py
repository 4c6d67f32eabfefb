"""The ticket's tags: any of the words, or none of them."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from answerback.rules.definition import EVERYWHERE, INCLUDING, Condition, Kind
from answerback.rules.update_seen import Update


def holds(update: Update, operator: str, value: str) -> bool:
    if operator not in INCLUDING:
        return False
    return bool(update.tags & set(value.lower().split())) == (operator == "includes")


CONDITION = Condition(
    field="current_tags",
    title=gettext_noop("Tags"),
    kind=Kind.TAGS,
    operators=INCLUDING,
    uses=EVERYWHERE,
    holds=holds,
    hint=gettext_noop("tags, separated by spaces"),
)
