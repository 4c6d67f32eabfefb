"""The requester's organisation, by id; "" is none."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from answerback.rules.definition import RULES, Condition, Kind
from answerback.rules.update_seen import Update


def holds(update: Update, operator: str, value: str) -> bool:
    if operator not in ("is", "is_not"):
        return False
    return (str(update.ticket.requester.organization_id or "") == value) == (operator == "is")


CONDITION = Condition(
    field="organization_id",
    title=gettext_noop("Organisation"),
    kind=Kind.ORGANIZATION,
    uses=RULES,
    choices={"": gettext_noop("none")},
    holds=holds,
)
