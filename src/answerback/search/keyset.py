"""Pages by keyset: as fast in the middle of a million rows as at the start, and stable while rows come and go.

A mark holds the values of the row it follows. Nothing (null) is the small end of every order.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import F, Q, QuerySet

PAGE_SIZE = 50


@dataclass(frozen=True)
class Key:
    """A column, or an annotation, that the rows are ordered by. The last key of an order is unique."""

    name: str
    descending: bool = True
    nullable: bool = False

    def order(self, backwards: bool = False) -> Any:
        """QUIRK: PostgreSQL's plain indexes serve no order that says where nulls go, so only nullable keys say it."""
        descending = self.descending != backwards
        if not self.nullable:
            return F(self.name).desc() if descending else F(self.name).asc()
        return F(self.name).desc(nulls_last=True) if descending else F(self.name).asc(nulls_first=True)


@dataclass(frozen=True)
class Page:
    """Rows of a list, and the marks that lead to the neighbours ("" where there is none)."""

    rows: list[Any]
    after: str
    before: str


def page(rows: QuerySet[Any], keys: Sequence[Key], after: str = "", before: str = "", size: int = PAGE_SIZE) -> Page:
    """One page. Marks that are not ours are ignored."""
    backwards = bool(before)
    values = read_mark(before or after, len(keys))
    if values is not None:
        try:
            rows = rows.filter(_beyond(keys, values, backwards))
        except (ValueError, TypeError, ValidationError):
            values = None
    found = list(rows.order_by(*(key.order(backwards) for key in keys))[: size + 1])
    return cut(found, size, backwards, marked=values is not None, mark=lambda row: mark_of(row, keys))


def cut(found: list[Any], size: int, backwards: bool, *, marked: bool, mark: Any) -> Page:
    """The page of `found`, which goes one row further than the page, in the direction it was read."""
    more = len(found) > size
    found = found[:size]
    if backwards:
        found.reverse()
    has_next = bool(found) and (more or backwards)
    has_previous = bool(found) and (more if backwards else marked)
    return Page(found, mark(found[-1]) if has_next else "", mark(found[0]) if has_previous else "")


def mark_of(row: Any, keys: Sequence[Key]) -> str:
    return write_mark([getattr(row, key.name) for key in keys])


def write_mark(values: Sequence[Any]) -> str:
    text = json.dumps([{"at": value.isoformat()} if isinstance(value, datetime) else value for value in values])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_mark(text: str, length: int) -> list[Any] | None:
    """The values, or None for what is no mark of an order with so many keys."""
    if not text:
        return None
    try:
        values = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        found = [datetime.fromisoformat(value["at"]) if isinstance(value, dict) else value for value in values]
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    plain = all(value is None or isinstance(value, int | str | datetime) for value in found)
    return found if len(found) == length and plain and isinstance(found[-1], int) else None


def _beyond(keys: Sequence[Key], values: Sequence[Any], backwards: bool) -> Q:
    found, same = Q(), Q()
    for key, value in zip(keys, values, strict=True):
        further = _further(key, value, key.descending != backwards)
        if further is not None:
            found |= same & further
        same &= Q(**{f"{key.name}__isnull": True}) if value is None else Q(**{key.name: value})
    first, value = keys[0], values[0]
    if not first.nullable and len(keys) > 1:  # says the same again, in a form that an index can begin at
        found &= Q(**{f"{first.name}__{'lte' if first.descending != backwards else 'gte'}": value})
    return found


def _further(key: Key, value: Any, descending: bool) -> Q | None:
    if value is None:
        return None if descending else Q(**{f"{key.name}__isnull": False})
    beyond = Q(**{f"{key.name}__{'lt' if descending else 'gt'}": value})
    return beyond | Q(**{f"{key.name}__isnull": True}) if descending and key.nullable else beyond
