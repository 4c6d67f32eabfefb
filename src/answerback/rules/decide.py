"""Which triggers fire on an update, and what they want. Pure but for reading; performs nothing."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from answerback.rules.actions import ACTIONS
from answerback.rules.conditions import CONDITIONS
from answerback.rules.effects import Effect
from answerback.rules.models import Trigger
from answerback.rules.update_seen import Update


def decide(update: Update, fired: Collection[int] = ()) -> list[Effect]:
    """The effects of all active triggers that match, in their order. A trigger in `fired` does not fire again."""
    effects: list[Effect] = []
    for trigger in Trigger.objects.filter(active=True).exclude(pk__in=fired):
        if matches(trigger.conditions, update):
            effects += _effects_of(trigger, update)
    return effects


def matches(conditions: dict[str, list[dict[str, Any]]], update: Update) -> bool:
    """All of "all", and one of "any" where there are any."""
    every, some = conditions.get("all", []), conditions.get("any", [])
    return all(_holds(row, update) for row in every) and (not some or any(_holds(row, update) for row in some))


def _holds(row: dict[str, Any], update: Update) -> bool:
    """A field we do not know never holds: a broken rule must not mail people."""
    condition = CONDITIONS.get(row.get("field", ""))
    return condition is not None and condition(update, row.get("operator", "is"), str(row.get("value", "")))


def _effects_of(trigger: Trigger, update: Update) -> list[Effect]:
    wanted = [
        ACTIONS[row["field"]](trigger, row["value"], update) for row in trigger.actions if row["field"] in ACTIONS
    ]
    return [effect for effect in wanted if effect]
