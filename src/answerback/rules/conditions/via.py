"""How the ticket came: email, web, api (Zendesk's via_id 4, 0, 5)."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from answerback.rules.definition import RULES, Condition, Kind
from answerback.rules.update_seen import Update

_NUMBERS = {"4": "email", "0": "web", "5": "api"}


def holds(update: Update, operator: str, value: str) -> bool:
    if operator not in ("is", "is_not"):
        return False
    return (update.ticket.via == _NUMBERS.get(value, value)) == (operator == "is")


CONDITION = Condition(
    field="via_id",
    title=gettext_noop("How the ticket came"),
    kind=Kind.CHOICE,
    uses=RULES,
    choices={
        "email": gettext_noop("by e-mail"),
        "web": gettext_noop("in the workspace"),
        "api": gettext_noop("by the API"),
    },
    holds=holds,
)
