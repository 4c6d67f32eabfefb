"""docs/parity.md promises a test for each row: there is one, and each test it names exists."""

from __future__ import annotations

import re

import pytest

from answerback.cli.checkout import ROOT

_NAMED = re.compile(r"`(?P<path>tests/[\w/]+\.py)::(?P<story>\w+)`")
ROWS = [line for line in (ROOT / "docs/parity.md").read_text("utf-8").splitlines() if re.match(r"\| \d", line)]


@pytest.mark.parametrize("row", ROWS)
def test_a_row_is_shown_by_tests_that_exist(row: str) -> None:
    named = _NAMED.findall(row)
    assert named
    assert [f"{path}::{story}" for path, story in named if not _exists(path, story)] == []


def _exists(path: str, story: str) -> bool:
    return (ROOT / path).is_file() and f"def test_{story}(" in (ROOT / path).read_text("utf-8")
