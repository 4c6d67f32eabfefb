"""Is a rule one that can be kept? What is wrong stands next to the row it is about; texts are msgids.

As in Zendesk, an automation has a condition on hours among those that all have to hold, and ends itself: by an action
after which one of these conditions does not hold any more, or by a condition that holds for an hour only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_noop

from answerback.rules import choices
from answerback.rules.actions import ACTIONS, webhook
from answerback.rules.conditions import CONDITIONS, hours
from answerback.rules.definition import WITHOUT_VALUE, Action, Condition, Kind, Use
from answerback.rules.placeholders import KNOWN, known
from answerback.tickets.models import Ticket

Row = Mapping[str, Any]
BLOCKS = ("all", "any")
MOST_ROWS = 50
_TEXTS = {Kind.MAIL: (1, 2), Kind.GROUP_MAIL: (1, 2), Kind.NOTICE: (1,)}  # where texts stand in a value


@dataclass(frozen=True)
class Problem:
    """`block`: all, any, actions, or "" for the rule as a whole; `row` counts from 0. `about`: what fills the %s."""

    block: str
    row: int
    text: str
    about: str = ""


def problems(use: Use, title: str, conditions: Mapping[str, Sequence[Row]], actions: Sequence[Row]) -> list[Problem]:
    names = choices.Names()
    found = [
        Problem(block, number, *problem)
        for block in BLOCKS
        for number, row in enumerate(conditions.get(block, []))
        if (problem := _of_condition(use, row, names))
    ]
    found += [
        Problem("actions", number, *problem)
        for number, row in enumerate(actions)
        if (problem := _of_action(use, row, names))
    ]
    found += [Problem("", 0, text) for text in _of_the_whole(use, title, conditions, actions)]
    return found


def _of_the_whole(
    use: Use, title: str, conditions: Mapping[str, Sequence[Row]], actions: Sequence[Row]
) -> Iterator[str]:
    if not title.strip():
        yield gettext_noop("Give the rule a name.")
    if not any(conditions.get(block) for block in BLOCKS):
        yield gettext_noop("Add at least one condition: without any, the rule would act on everything.")
    if not actions:
        yield gettext_noop("Add at least one action.")
    if use is not Use.AUTOMATION:
        return
    every = conditions.get("all", [])
    if not any(row.get("field") in hours.SINCE for row in every):
        yield gettext_noop("An automation needs a condition on hours among those that all have to hold.")
    elif actions and not any(_ends(row, actions) for row in every):
        yield gettext_noop(
            "This automation would never come to an end. Add an action after which a condition does not hold any more, "
            "such as a tag and the condition that the ticket does not have it."
        )


def _of_condition(use: Use, row: Row, names: choices.Names) -> tuple[str] | tuple[str, str] | None:
    definition = CONDITIONS.get(str(row.get("field", "")))
    if definition is None or use not in definition.uses:
        return (gettext_noop("This condition does not exist here."),)
    operator, value = str(row.get("operator", "")), str(row.get("value", ""))
    if operator not in definition.operators_for(use):
        return (gettext_noop("This comparison does not fit."),)
    return None if operator in WITHOUT_VALUE else _of_value(definition, value, names)


def _of_action(use: Use, row: Row, names: choices.Names) -> tuple[str] | tuple[str, str] | None:
    definition = ACTIONS.get(str(row.get("field", "")))
    if definition is None or use not in definition.uses:
        return (gettext_noop("This action does not exist here."),)
    value = row.get("value", "")
    if definition.kind is Kind.WEBHOOK:
        return _of_webhook(definition, value, names)
    if definition.kind is Kind.TEXT:
        return _of_text(value)
    if definition.kind not in _TEXTS:
        return _of_value(definition, str(value), names)
    if not isinstance(value, list) or len(value) != max(_TEXTS[definition.kind]) + 1:
        return (gettext_noop("Something is missing here."),)
    texts = (problem for at in _TEXTS[definition.kind] if (problem := _of_text(value[at])))
    return _of_value(definition, str(value[0]), names) or next(texts, None)


def _of_value(definition: Condition | Action, value: str, names: choices.Names) -> tuple[str] | None:
    match definition.kind:
        case Kind.NONE:
            return None
        case Kind.NUMBER | Kind.HOURS:
            return None if value.isdecimal() and len(value) < 7 else (gettext_noop("Type a whole number."),)
        case Kind.WORDS | Kind.TAGS | Kind.CODE:
            return None if value.strip() else (gettext_noop("Type something to look for."),)
        case Kind.PERSON:
            known_person = value in definition.choices or names.person(definition, value)
            return None if known_person else (gettext_noop("Nobody with this address is known here."),)
    return None if value in dict(choices.of(definition, names)) else (gettext_noop("Choose one."),)


def _of_text(text: Any) -> tuple[str] | tuple[str, str] | None:
    texts = list(text.values()) if isinstance(text, dict) else [str(text)]
    if not any(one.strip() for one in texts):
        return (gettext_noop("A text is missing."),)
    unknown = sorted(set().union(*map(known, texts)) - set(KNOWN))
    return (gettext_noop("There is no placeholder %s."), f"{{{{{unknown[0]}}}}}") if unknown else None


def _of_webhook(definition: Action, value: Any, names: choices.Names) -> tuple[str] | tuple[str, str] | None:
    if not isinstance(value, list) or len(value) != 2:
        return (gettext_noop("Something is missing here."),)
    try:
        webhook.parse(str(value[1]))
    except webhook.BadPayloadError:
        return (gettext_noop("This is not a JSON object."),)
    return _of_value(definition, str(value[0]), names) or (_of_text(value[1]) if str(value[1]).strip() else None)


# Does an automation end?


def _ends(condition: Row, actions: Sequence[Row]) -> bool:
    name, operator = condition.get("field"), condition.get("operator")
    if name in hours.SINCE and operator == "is":
        return True
    return any(_undoes(condition, action) for action in actions)


def _undoes(condition: Row, action: Row) -> bool:
    """After the action, the condition does not hold."""
    name, operator, value = condition.get("field", ""), condition.get("operator"), str(condition.get("value", ""))
    done, to = action.get("field", ""), action.get("value", "")
    if name in hours.SINCE:
        status = hours.SINCE[name][1]
        to = Ticket.Status.OPEN if done == "reopen" else to
        return bool(status) and done in ("status", "reopen") and to != status
    if name == "current_tags":
        return _tags_undo(operator, set(value.split()), done, set(str(to).split()) if isinstance(to, str) else set())
    if name != done or name not in ("status", "priority", "type", "group_id", "assignee_id"):
        return False
    return (
        (operator == "is" and str(to) != value)
        or (operator == "is_not" and str(to) == value)
        or (operator == "less_than" and str(to) == value)
    )


def _tags_undo(operator: Any, looked_for: set[str], done: str, tags: set[str]) -> bool:
    if operator == "not_includes":
        return done in ("current_tags", "set_tags") and bool(looked_for & tags)
    return (done == "remove_tags" and looked_for <= tags) or (done == "set_tags" and not looked_for & tags)
