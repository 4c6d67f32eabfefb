"""The ticket's priority; none < low < normal < high < urgent."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from answerback.rules.conditions.comparing import compare
from answerback.rules.definition import CHANGING, EVERYWHERE, RANKED, Condition, Kind
from answerback.rules.update_seen import Update
from answerback.tickets.update import PRIORITY_RANK
from answerback.tickets.words import PRIORITIES


def holds(update: Update, operator: str, value: str) -> bool:
    return compare(update, "priority", update.ticket.priority, operator, value, PRIORITY_RANK)


CONDITION = Condition(
    field="priority",
    title=gettext_noop("Priority"),
    kind=Kind.CHOICE,
    operators=(*RANKED, *CHANGING),
    uses=EVERYWHERE,
    choices={"": gettext_noop("none")} | PRIORITIES,
    holds=holds,
)
