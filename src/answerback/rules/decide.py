"""Does a rule apply to an update, and what does it want? Pure but for reading; performs nothing.

Conditions on a delivery read the failure event's own payload: where several events came at once, all of a rule's
conditions have to hold for the same one, and only those for which they hold are what its actions are about.
"""

from __future__ import annotations

from typing import Any

from answerback.rules.actions import ACTIONS
from answerback.rules.conditions import CONDITIONS
from answerback.rules.effects import Effect, Rule
from answerback.rules.models import Trigger
from answerback.rules.update_seen import Update

Conditions = dict[str, list[dict[str, Any]]]


def load() -> list[Trigger]:
    """The triggers in force, in their order. One query: whoever runs them loads them once."""
    return list(Trigger.objects.filter(active=True, deleted_at__isnull=True))


def decide(rule: Rule, update: Update) -> list[Effect]:
    """What the rule wants done; nothing where it does not apply."""
    seen = matching(rule.conditions, update)
    if seen is None:
        return []
    wanted = [
        ACTIONS[row["field"]].effect(rule, row.get("value", ""), seen)
        for row in rule.actions
        if row["field"] in ACTIONS
    ]
    return [effect for effect in wanted if effect]


def matches(conditions: Conditions, update: Update) -> bool:
    return matching(conditions, update) is not None


def matching(conditions: Conditions, update: Update) -> Update | None:
    """The update as far as the conditions hold for it; None where they do not."""
    if len(update.deliveries) < 2:
        return update if _all_hold(conditions, update) else None
    found = [payload for payload in update.deliveries if _all_hold(conditions, update.about([payload]))]
    return update.about(found) if found else None


def holds(row: dict[str, Any], update: Update) -> bool:
    """A field we do not know never holds: a broken rule must not mail people."""
    condition = CONDITIONS.get(row.get("field", ""))
    return condition is not None and condition.holds(update, row.get("operator", "is"), str(row.get("value", "")))


def _all_hold(conditions: Conditions, update: Update) -> bool:
    """All of "all", and one of "any" where there are any."""
    every, some = conditions.get("all", []), conditions.get("any", [])
    return all(holds(row, update) for row in every) and (not some or any(holds(row, update) for row in some))
