"""Writers of one SQLite file take turns, and who waits too long is told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import OperationalError, connections

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


def timeout_of(wrapper: DatabaseWrapper) -> int:
    return int(wrapper.connection.execute("PRAGMA busy_timeout").fetchone()[0])


def test_who_waits_begins_when_the_other_has_ended(connect: Connect) -> None:
    first, second = connect(20), connect(20)
    first.connect()
    second.connect()
    first._start_transaction_under_autocommit()
    ended = threading.Timer(0.05, first.connection.execute, ["COMMIT"])
    ended.start()
    second._start_transaction_under_autocommit()
    assert not first.connection.in_transaction
    assert second.connection.in_transaction
    assert timeout_of(second) == 20_000, "what else it may meet is waited for by SQLite itself"


def test_who_has_waited_long_enough_is_told(connect: Connect) -> None:
    first, second = connect(20), connect(0.02)
    first.connect()
    second.connect()
    first._start_transaction_under_autocommit()
    with pytest.raises(OperationalError, match="locked"):
        second._start_transaction_under_autocommit()
    assert not second.connection.in_transaction
    assert timeout_of(second) == 20


def test_places_of_values_are_found_in_any_statement(connect: Connect) -> None:
    wrapper = connect(1)
    wrapper.connect()
    with wrapper.cursor() as cursor:
        for statement in ("SELECT %s, '100%%'", "SELECT %s, '100%%'" + " " * 10_000):
            cursor.execute(statement, ["a"])
            assert cursor.fetchone() == ("a", "100%")
