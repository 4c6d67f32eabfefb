"""docs/rules.md says what the definitions say."""

from __future__ import annotations

import re

from answerback.cli.checkout import ROOT
from answerback.rules.actions import ACTIONS
from answerback.rules.conditions import CONDITIONS
from answerback.rules.definition import CHANGING, Action, Condition, Use
from answerback.rules.placeholders import KNOWN
from answerback.search.conditions import CONDITIONS as OF_VIEWS

PAGE = (ROOT / "docs/rules.md").read_text("utf-8")


def rows(heading: str) -> dict[str, list[str]]:
    """First cell, without its marks → the others."""
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    cells = [line.strip("| ").split(" | ") for line in section.split("\n") if line.startswith("| `")]
    return {first.strip("`"): others for first, *others in cells}


def uses(definition: Condition | Action) -> str:
    return ", ".join(use for use in definition.uses if use is not Use.VIEW)


def test_conditions() -> None:
    documented = rows("Conditions")
    assert list(documented) == list(CONDITIONS)
    for condition in CONDITIONS.values():
        title, fits, operators, *value = documented[condition.field]
        assert (title, fits) == (condition.title, uses(condition))
        plain = [name for name in condition.operators if name not in CHANGING]
        assert re.findall(r"`(\w+)`", operators) == plain
        assert operators.endswith("and changes") is (len(plain) < len(condition.operators))
        assert all(f"`{key}` {words}" in " ".join(value) for key, words in condition.choices.items() if key)


def test_actions() -> None:
    documented = rows("Actions")
    assert list(documented) == list(ACTIONS)
    for action in ACTIONS.values():
        assert documented[action.field][:2] == [action.title, uses(action)]
        value = " ".join(documented[action.field][2:])
        assert all(f"`{key}` {words}" in value for key, words in action.choices.items() if key)


def test_placeholders() -> None:
    assert {name.strip("{}"): words for name, [words] in rows("Placeholders").items()} == KNOWN


def test_what_fits_views_is_known_to_views() -> None:
    assert {condition.field for condition in CONDITIONS.values() if Use.VIEW in condition.uses} <= set(OF_VIEWS)
