"""The order of rows that people put where they want them: each has a `position`, and lower ones stand first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def moved(rows: Sequence[Any], row: Any, place: int) -> dict[int, int]:
    """By id the positions that change when `row` goes to `place`, counted from 0, among `rows`, which are in order.

    The others close up. They share the positions that they had, so that rows which are not among them, because the
    reader does not see or may not move them, stay where they are.
    """
    order = [one for one in rows if one.pk != row.pk]
    order.insert(min(max(place, 0), len(order)), row)
    changed, position = {}, 0
    for one, old in zip(order, sorted(one.position for one in rows), strict=True):
        position = max(position + 1, old)
        if one.position != position:
            changed[one.pk] = position
    return changed
