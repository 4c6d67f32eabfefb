"""Has the ticket a public comment ("public"), or notes alone ("private")?"""

from __future__ import annotations

from django.utils.translation import gettext_noop

from answerback.rules.definition import TRIGGERS, Condition, Kind
from answerback.rules.update_seen import Update


def holds(update: Update, operator: str, value: str) -> bool:
    if operator != "is":
        return False
    return update.history().public == (value == "public")


CONDITION = Condition(
    field="ticket_is_public",
    title=gettext_noop("Conversation"),
    kind=Kind.CHOICE,
    operators=("is",),
    uses=TRIGGERS,
    choices={"public": gettext_noop("has a public comment"), "private": gettext_noop("has internal notes only")},
    holds=holds,
)
