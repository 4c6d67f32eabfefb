"""The language we write to the requester in."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from answerback.people.models import LANGUAGES
from answerback.rules.definition import RULES, Condition, Kind
from answerback.rules.update_seen import Update


def holds(update: Update, operator: str, value: str) -> bool:
    if operator not in ("is", "is_not"):
        return False
    language = update.ticket.requester.language or update.ticket.support_address.language
    return (language == value) == (operator == "is")


CONDITION = Condition(
    field="locale_id",
    title=gettext_noop("Language of the requester"),
    kind=Kind.CHOICE,
    uses=RULES,
    choices=dict(LANGUAGES),
    holds=holds,
)
