"""A database in trouble is told from a question it cannot answer: the one is waited for, the other is a bug."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

import pytest
from django.db import Error, connection

from answerback.core import dump
from answerback.core.db import is_in_trouble, is_postgresql

pytestmark = pytest.mark.django_db(transaction=True)


def refusal_of(*statements: str, then: Iterable[str] = ()) -> Error:
    """What one of them meets. The connection is closed then: it may be good for nothing."""
    try:
        with connection.cursor() as cursor:
            for statement in chain(statements, then):
                cursor.execute(statement)
    except Error as error:
        return error
    finally:
        connection.close()
    raise AssertionError("nothing was refused")


@pytest.mark.parametrize(
    "statement",
    ["SELECT * FROM nowhere", "INSERT INTO core_setting (id, name, value) VALUES (1, NULL, NULL)", "SELECT 1 +"],
)
def test_what_was_asked_is_to_blame(statement: str) -> None:
    assert not is_in_trouble(refusal_of(statement))


def test_a_full_disk() -> None:
    if is_postgresql():
        pytest.skip("a server's disk cannot be filled from here")
    full = refusal_of(
        "CREATE TABLE big (octets BLOB)", "PRAGMA max_page_count = 1", "INSERT INTO big VALUES (zeroblob(10000000))"
    )
    assert is_in_trouble(full)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE big")


def test_a_connection_that_is_cut() -> None:
    if not is_postgresql():
        pytest.skip("SQLite has no connection to cut")
    assert is_in_trouble(refusal_of("SELECT pg_terminate_backend(pg_backend_pid())"))


def test_who_froze_within_a_transaction_is_cut_off() -> None:
    if not is_postgresql():
        pytest.skip("on SQLite nobody can be cut off")
    with connection.cursor() as cursor:
        cursor.execute("SHOW idle_in_transaction_session_timeout")
        assert cursor.fetchone() == ("1min",)
    frozen = refusal_of("SET idle_in_transaction_session_timeout = 1", "BEGIN", then=seldom())
    assert is_in_trouble(frozen)


def test_a_backup_may_take_its_time(tmp_path: Path) -> None:
    """Files are packed while its transaction says nothing."""
    if not is_postgresql():
        pytest.skip("on SQLite nobody is cut off")
    with dump.snapshot(tmp_path), connection.cursor() as cursor:
        cursor.execute("SHOW idle_in_transaction_session_timeout")
        assert cursor.fetchone() == ("0",)


def seldom() -> Iterator[str]:
    while True:
        time.sleep(0.01)
        yield "SELECT 1"
