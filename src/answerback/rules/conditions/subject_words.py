"""Words of the ticket's subject."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from answerback.rules.conditions.comparing import includes_word
from answerback.rules.definition import EQUAL, INCLUDING, RULES, Condition, Kind
from answerback.rules.update_seen import Update


def holds(update: Update, operator: str, value: str) -> bool:
    return includes_word(update.ticket.subject, operator, value)


CONDITION = Condition(
    field="subject_includes_word",
    title=gettext_noop("Subject"),
    kind=Kind.WORDS,
    operators=(*INCLUDING, *EQUAL),
    uses=RULES,
    holds=holds,
)
