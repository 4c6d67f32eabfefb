"""The ticket's type: question, incident, problem, task."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from answerback.rules.conditions.comparing import compare
from answerback.rules.definition import CHANGING, EQUAL, EVERYWHERE, Condition, Kind
from answerback.rules.update_seen import Update
from answerback.tickets.words import TYPES


def holds(update: Update, operator: str, value: str) -> bool:
    return compare(update, "type", update.ticket.type, operator, value)


CONDITION = Condition(
    field="type",
    title=gettext_noop("Type"),
    kind=Kind.CHOICE,
    operators=(*EQUAL, *CHANGING),
    uses=EVERYWHERE,
    choices={"": gettext_noop("none")} | TYPES,
    holds=holds,
)
