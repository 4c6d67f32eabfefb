"""Writers of one SQLite file take turns, and who waits too long is told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest
from django.db import OperationalError, connections

from answerback.core.sqlite import turn
from answerback.core.sqlite.base import DatabaseWrapper

pytestmark = pytest.mark.django_db
Connect = Callable[[float], DatabaseWrapper]


@pytest.fixture
def connect(tmp_path: Path) -> Connect:
    """A connection to a file of its own that waits so many seconds for its turn."""

    def made(patience: float) -> DatabaseWrapper:
        options = {
            "transaction_mode": "IMMEDIATE",
            "timeout": patience,
            "init_command": "PRAGMA journal_mode=WAL",
            "check_same_thread": False,
        }
        usual = connections.settings["default"]
        return DatabaseWrapper(usual | {"NAME": str(tmp_path / "file"), "OPTIONS": options}, "beside")

    return made


def begin(wrapper: DatabaseWrapper) -> None:
    wrapper._start_transaction_under_autocommit()
    with wrapper.cursor() as cursor:
        cursor.execute("SELECT 1")


def timeout_of(wrapper: DatabaseWrapper) -> int:
    return int(wrapper.connection.execute("PRAGMA busy_timeout").fetchone()[0])


def test_who_waits_begins_when_the_other_has_ended(connect: Connect) -> None:
    first, second = connect(20), connect(20)
    first.connect()
    second.connect()
    begin(first)
    ended = threading.Timer(0.05, first.connection.execute, ["COMMIT"])
    ended.start()
    begin(second)
    assert not first.connection.in_transaction
    assert second.connection.in_transaction
    assert timeout_of(second) == 20_000, "what else it may meet is waited for by SQLite itself"


def test_who_has_waited_long_enough_is_told(connect: Connect) -> None:
    first, second = connect(20), connect(0.02)
    first.connect()
    second.connect()
    begin(first)
    with pytest.raises(OperationalError, match="locked"):
        begin(second)
    assert not second.connection.in_transaction
    assert timeout_of(second) == 20


def test_what_is_prepared_before_the_first_statement_keeps_nobody_waiting(connect: Connect) -> None:
    first, second = connect(20), connect(0.02)
    for wrapper in (first, second):
        wrapper.connect()
    with first.cursor() as cursor:
        cursor.execute("CREATE TABLE number (number INTEGER)")
    first._start_transaction_under_autocommit()
    with first.unlocked(), first.cursor() as cursor:
        cursor.execute("SELECT * FROM number")
    begin(second)
    second._commit()
    with first.cursor() as cursor:
        cursor.executemany("INSERT INTO number VALUES (%s)", [[1], [2]])
    assert first.connection.in_transaction
    with pytest.raises(OperationalError, match="locked"):
        begin(second)
    second._rollback()
    first._rollback()
    assert first.connection.execute("SELECT * FROM number").fetchall() == [], "they were one transaction"


@pytest.mark.parametrize("ends", [DatabaseWrapper._commit, DatabaseWrapper._rollback])
def test_a_transaction_without_a_statement_leaves_nothing_behind(
    connect: Connect, ends: Callable[[DatabaseWrapper], None]
) -> None:
    wrapper = connect(20)
    wrapper.connect()
    wrapper._start_transaction_under_autocommit()
    ends(wrapper)
    with wrapper.cursor() as cursor:
        cursor.execute("CREATE TABLE number (number INTEGER)")
    assert not wrapper.connection.in_transaction


def test_places_of_values_are_found_in_any_statement(connect: Connect) -> None:
    wrapper = connect(1)
    wrapper.connect()
    with wrapper.cursor() as cursor:
        for statement in ("SELECT %s, '100%%'", "SELECT %s, '100%%'" + " " * 10_000):
            cursor.execute(statement, ["a"])
            assert cursor.fetchone() == ("a", "100%")


def test_who_writes_on_and_on_waits_for_who_waited_first(connect: Connect) -> None:
    first, second = connect(20), connect(20)
    for wrapper in (first, second):
        wrapper.connect()
        wrapper.inc_thread_sharing()
    waiting = threading.Thread(target=begin, args=[first])
    with second.turn.taken():
        waiting.start()
        time.sleep(0.05)
        assert not first.connection.in_transaction
    waiting.join()
    assert first.connection.in_transaction


def test_a_statement_that_writes_by_itself_waits_for_its_turn(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrapper = connect(20)
    wrapper.connect()
    taken: list[str] = []
    monkeypatch.setattr(wrapper.turn, "taken", lambda: nullcontext(taken.append("a turn")))
    with wrapper.cursor() as cursor:
        cursor.execute("CREATE TABLE number (number INTEGER)")
        cursor.execute(" INSERT INTO number VALUES (%s)", [1])
        cursor.execute("SELECT * FROM number")
        assert cursor.fetchall() == [(1,)]
        begin(wrapper)
        cursor.execute("UPDATE number SET number = 2")
    assert taken == ["a turn", "a turn"], "of the INSERT, and of the transaction"


def test_who_freezes_while_it_waits_keeps_nobody_for_long(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn, "_PATIENCE", 0.02)
    first, second = connect(20), connect(20)
    for wrapper in (first, second):
        wrapper.connect()
    with second.turn.taken():
        begin(first)
        assert first.connection.in_transaction
        monkeypatch.setattr(first.turn, "_take", lambda: pytest.fail("it waits again"))
        with first.turn.taken():
            pass


@pytest.mark.parametrize("wrong", ["in a folder of nobody", "a folder itself"])
def test_without_a_file_everybody_goes_without(connect: Connect, tmp_path: Path, wrong: str) -> None:
    wrapper = connect(20)
    wrapper.connect()
    if wrong == "a folder itself":
        (tmp_path / "file-turn").mkdir()
    else:
        wrapper.turn._database = tmp_path / "nowhere" / "file"
    begin(wrapper)
    assert wrapper.connection.in_transaction


def test_the_turn_is_for_whom_the_database_is_for(tmp_path: Path) -> None:
    database = tmp_path / "file"
    database.touch(0o640)
    with turn.Turn(str(database)).taken():
        pass
    assert (tmp_path / "file-turn").stat().st_mode == database.stat().st_mode


def test_who_dies_gives_up_its_turn(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    dead, alive = (turn.Turn(str(tmp_path / "file")) for _ in range(2))
    assert dead._take()
    assert not alive._take()
    dead.close()
    assert alive._take()
