"""Was the failure permanent ("true"), or given up after temporary refusals ("false")?"""

from __future__ import annotations

from django.utils.translation import gettext_noop

from answerback.rules.conditions.comparing import payload_says
from answerback.rules.definition import TRIGGERS, Condition, Kind
from answerback.rules.update_seen import Update


def holds(update: Update, operator: str, value: str) -> bool:
    return payload_says(update, lambda payload: bool(payload["permanent"]) == (value == "true"), operator)


CONDITION = Condition(
    field="delivery_permanent",
    title=gettext_noop("The failure is"),
    kind=Kind.CHOICE,
    operators=("is",),
    uses=TRIGGERS,
    choices={"true": gettext_noop("permanent"), "false": gettext_noop("temporary")},
    holds=holds,
)
