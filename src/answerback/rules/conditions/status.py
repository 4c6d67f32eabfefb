"""The ticket's status; statuses are ordered new < open < pending < hold < solved < closed."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from answerback.rules.conditions.comparing import compare
from answerback.rules.definition import CHANGING, EVERYWHERE, RANKED, Condition, Kind
from answerback.rules.update_seen import Update
from answerback.tickets.update import STATUS_RANK
from answerback.tickets.words import STATUSES

_RANK = {str(status): number for status, number in STATUS_RANK.items()}


def holds(update: Update, operator: str, value: str) -> bool:
    return compare(update, "status", update.ticket.status, operator, value, _RANK)


CONDITION = Condition(
    field="status",
    title=gettext_noop("Status"),
    kind=Kind.CHOICE,
    operators=(*RANKED, *CHANGING),
    uses=EVERYWHERE,
    choices=STATUSES,
    holds=holds,
)
