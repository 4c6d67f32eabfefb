"""What `answerback test` makes of its runs: nothing is left out in silence."""

from __future__ import annotations

from pathlib import Path

import pytest

from answerback.cli import test as verb


@pytest.mark.parametrize(
    ("results", "not_run", "require_all", "code"),
    [
        ({"SQLite": 0, "PostgreSQL 16": 0}, [], "1", 0),
        ({"SQLite": 1, "PostgreSQL 16": 0}, [], "", 1),
        ({"SQLite": 0, "PostgreSQL 16": 1}, [], "", 1),
        ({"SQLite": 0}, ["database tests on PostgreSQL: none here"], "", 0),
        ({"SQLite": 0}, ["database tests on PostgreSQL: none here"], "1", 1),
    ],
)
def test_the_report_decides_the_exit_code(
    results: dict[str, int],
    not_run: list[str],
    require_all: str,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ANSWERBACK_REQUIRE_ALL", require_all)
    run = verb.Run(Path(), (), results, not_run)
    assert verb._report(run) == code
    said = capsys.readouterr().err
    assert all(f"NOT RUN: {reason}" in said for reason in not_run)
    assert all(f"{name}: " in said for name in results)
