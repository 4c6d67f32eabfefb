"""Words of the update's comment."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from answerback.rules.conditions.comparing import includes_word
from answerback.rules.definition import EQUAL, INCLUDING, TRIGGERS, Condition, Kind
from answerback.rules.update_seen import Update


def holds(update: Update, operator: str, value: str) -> bool:
    return includes_word(update.comment.text if update.comment else "", operator, value)


CONDITION = Condition(
    field="comment_includes_word",
    title=gettext_noop("Comment text"),
    kind=Kind.WORDS,
    operators=(*INCLUDING, *EQUAL),
    uses=TRIGGERS,
    holds=holds,
)
