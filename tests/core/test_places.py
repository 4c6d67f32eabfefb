"""Rows put in order by hand: who moves where, and who stays."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from answerback.core import places


@dataclass
class Row:
    pk: int
    position: int


@pytest.mark.parametrize(
    "positions, at, place, expected",
    [
        ([1, 2, 3], 2, 0, [3, 1, 2]),
        ([1, 2, 3], 0, 2, [2, 3, 1]),
        ([1, 2, 3], 1, 1, [1, 2, 3]),
        ([1, 2, 3], 0, 99, [2, 3, 1]),
        ([1, 2, 3], 1, -1, [2, 1, 3]),
        ([2, 5, 9], 2, 0, [3, 1, 2]),  # somebody else's stand in between
        ([0, 0, 0], 2, 0, [3, 1, 2]),
    ],
)
def test_a_row_goes_where_it_is_put(positions: list[int], at: int, place: int, expected: list[int]) -> None:
    rows = [Row(pk, position) for pk, position in enumerate(positions, start=1)]
    changed = places.moved(rows, rows[at], place)
    after = sorted(rows, key=lambda row: changed.get(row.pk, row.position))
    assert [row.pk for row in after] == expected
    if len(set(positions)) == len(positions):
        assert {changed.get(row.pk, row.position) for row in rows} == set(positions)
