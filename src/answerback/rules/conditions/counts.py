"""How often things happened to the ticket: reopened, answered, handed from agent to agent, from group to group."""

from __future__ import annotations

from collections.abc import Callable

from django.utils.translation import gettext_noop

from answerback.rules.definition import RULES, Condition, Kind
from answerback.rules.update_seen import Update


def _counting(name: str) -> Callable[[Update, str, str], bool]:
    def holds(update: Update, operator: str, value: str) -> bool:
        if not value.isdigit():
            return False
        now = int(getattr(update.history(), name))
        match operator:
            case "is":
                return now == int(value)
            case "less_than":
                return now < int(value)
            case "greater_than":
                return now > int(value)
        return False

    return holds


_TITLES = {
    "reopens": gettext_noop("Times reopened"),
    "replies": gettext_noop("Answers by agents"),
    "agent_stations": gettext_noop("Agents who have had it"),
    "group_stations": gettext_noop("Groups that have had it"),
}
CONDITIONS = [
    Condition(
        field=name,
        title=title,
        kind=Kind.NUMBER,
        operators=("less_than", "greater_than", "is"),
        uses=RULES,
        holds=_counting(name),
    )
    for name, title in _TITLES.items()
]
