"""The ticket's group, by id; "" is none."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from answerback.rules.conditions.comparing import compare
from answerback.rules.definition import CHANGING, EQUAL, EVERYWHERE, Condition, Kind
from answerback.rules.update_seen import Update


def holds(update: Update, operator: str, value: str) -> bool:
    return compare(update, "group_id", str(update.ticket.group_id or ""), operator, value)


CONDITION = Condition(
    field="group_id",
    title=gettext_noop("Group"),
    kind=Kind.GROUP,
    operators=(*EQUAL, *CHANGING),
    uses=EVERYWHERE,
    choices={"": gettext_noop("none")},
    holds=holds,
)
