"""Rows of conditions in a form, of views as of rules: a field, an operator, a value, in blocks "all" and "any"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.datastructures import MultiValueDict

from answerback.search.conditions import BLOCKS

Options = Sequence[tuple[str, str]]
Posted = MultiValueDict[str, str]


@dataclass(frozen=True, kw_only=True)
class ConditionRow:
    """One line of an editor. `options` is empty where the value is typed."""

    block: str
    field: str
    operator: str
    value: str
    fields: Options
    operators: Options
    options: Options
    hint: str


def posted(data: Posted, most: int) -> dict[str, list[tuple[str, str, str]]]:
    """Field, operator and value of each row, at most so many in a block."""
    found: dict[str, list[tuple[str, str, str]]] = {}
    for block in BLOCKS:
        names, operators, values = (data.getlist(f"{block}_{part}") for part in ("field", "operator", "value"))
        rows = list(zip(names, operators, map(str.strip, values), strict=False))
        found[block] = rows[:most]
    return found
