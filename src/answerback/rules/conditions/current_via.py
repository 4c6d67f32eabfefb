"""How the update came: email, web, api, rule, system (Zendesk's current_via_id 4, 0, 5, 8)."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from answerback.rules.definition import TRIGGERS, Condition, Kind
from answerback.rules.update_seen import Update

_NUMBERS = {"4": "email", "0": "web", "5": "api", "8": "rule"}


def holds(update: Update, operator: str, value: str) -> bool:
    if operator not in ("is", "is_not"):
        return False
    return (update.audit.via == _NUMBERS.get(value, value)) == (operator == "is")


CONDITION = Condition(
    field="current_via_id",
    title=gettext_noop("How the update came"),
    kind=Kind.CHOICE,
    uses=TRIGGERS,
    choices={
        "email": gettext_noop("by e-mail"),
        "web": gettext_noop("in the workspace"),
        "api": gettext_noop("by the API"),
        "rule": gettext_noop("by a rule"),
        "system": gettext_noop("by itself"),
    },
    holds=holds,
)
