"""Conditions and actions of rules as sentences, for reading, by the words of their definitions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from answerback.rules import choices
from answerback.rules.actions import ACTIONS
from answerback.rules.conditions import CONDITIONS
from answerback.rules.definition import OPERATORS, WITHOUT_VALUE, Action, Condition, Kind
from answerback.rules.effects import Rule
from answerback.rules.models import Revision
from answerback.workspace import words

_WITH_TEXT = (Kind.MAIL, Kind.GROUP_MAIL, Kind.NOTICE, Kind.WEBHOOK)


@dataclass(frozen=True)
class Lines:
    """A rule, or one of its versions, for reading."""

    every: Sequence[str]
    some: Sequence[str]
    actions: Sequence[str]


def lines(said: Rule | Revision, language: str, names: choices.Names) -> Lines:
    return Lines(
        every=[condition(row, names) for row in said.conditions.get("all", [])],
        some=[condition(row, names) for row in said.conditions.get("any", [])],
        actions=[action(row, language, names) for row in said.actions],
    )


def condition(row: dict[str, Any], names: choices.Names) -> str:
    known = CONDITIONS.get(row.get("field", ""))
    operator = row.get("operator", "is")
    parts = [_(known.title) if known else str(row.get("field", "")), _(OPERATORS.get(operator, operator))]
    if operator not in WITHOUT_VALUE:
        parts.append(value(known, row.get("value", ""), names))
    return " ".join(parts)


def action(row: dict[str, Any], language: str, names: choices.Names) -> str:
    """What a rule does: a field it sets, or a mail with its subject in the reader's language."""
    known, given = ACTIONS.get(row.get("field", "")), row.get("value", "")
    title = _(known.title) if known else str(row.get("field", ""))
    if known is None or known.kind is Kind.NONE:
        return title
    if known.kind is Kind.TEXT:
        return f"{title}: “{_in(language, given)}”"
    if known.kind in _WITH_TEXT and isinstance(given, list) and len(given) > 1:
        text = "" if known.kind is Kind.WEBHOOK else _in(language, given[1])
        return f"{title} {value(known, given[0], names)}" + (f": “{text}”" if text else "")
    return f"{title}: {value(known, given, names)}"


def value(known: Condition | Action | None, given: Any, names: choices.Names) -> str:
    """A value as people say it; the id of what is gone stays a number."""
    text = str(given)
    if known is None:
        return text or "–"
    return dict(choices.of(known, names)).get(text) or names.person(known, text) or words.value_name(known.field, text)


def _in(language: str, text: str | Mapping[str, str]) -> str:
    if isinstance(text, str):
        return text
    return text.get(language) or text.get("") or next(iter(text.values()), "")
