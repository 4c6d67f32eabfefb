"""Django's backend for SQLite, which begins to write as soon as nobody else does, and remembers what it wrote.

SQLite has no queue of writers: who waits looks again now and then, by itself after 1, 2, 5, 10, 15, 20 milliseconds and
so on, while a transaction of ours takes less than five. Here writers take turns (`turn`), and who is next looks again
and again in short steps, so that little time is lost.

Django puts the places of values in the way that SQLite wants them each time that a statement is executed, by a regular
expression: for a statement of many rows that takes longer than to write one of them.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import Any

from django.db.backends.sqlite3 import base

from answerback.core.sqlite.turn import Turn

_FIRST_STEP, _STEPS_GROW, _LONGEST_STEP = 0.0002, 1.03, 0.005  # seconds
_WRITE = ("INSERT", "UPDATE", "DELETE", "REPLACE")
_LONGEST = 10_000  # characters: what is longer seldom comes twice, and is not worth the memory

# sqlite3 asks every value that is no number and no text how it wants to be stored, unless somebody has said so. These
# are stored as they are, and are most of a row: it took longer to ask them than to write it.
sqlite3.register_adapter(type(None), lambda nothing: nothing)
sqlite3.register_adapter(bool, int)
sqlite3.register_adapter(bytes, bytes)


class DatabaseWrapper(base.DatabaseWrapper):
    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        self.turn = Turn(conn_params["database"])
        self._is_to_begin = False
        return super().get_new_connection(conn_params)

    def _close(self) -> None:
        super()._close()  # type: ignore[misc]  # not in its stubs
        self._is_to_begin = False
        self.turn.close()

    def create_cursor(self, name: Any = None) -> Any:
        return self.connection.cursor(factory=partial(Cursor, self))

    def _start_transaction_under_autocommit(self) -> None:
        """With its first statement: what is prepared before that keeps nobody else from writing."""
        self._is_to_begin = True

    def _commit(self) -> Any:
        self._is_to_begin = False
        return super()._commit()  # type: ignore[misc]

    def _rollback(self) -> Any:
        self._is_to_begin = False
        return super()._rollback()  # type: ignore[misc]

    @contextmanager
    def unlocked(self) -> Iterator[None]:
        """What is asked for within does not begin the transaction that is due."""
        due, self._is_to_begin = self._is_to_begin, False
        try:
            yield
        finally:
            self._is_to_begin = due

    def begin_if_due(self) -> None:
        """As Django begins, but for how it waits. OperationalError once `timeout` of the options is over."""
        if self._is_to_begin:
            self._begin()
            self._is_to_begin = False

    def _begin(self) -> None:
        patience = self.settings_dict["OPTIONS"]["timeout"]
        self.connection.execute("PRAGMA busy_timeout = 0")
        try:
            with self.turn.taken():
                _begin(
                    self.connection,
                    f"BEGIN {self.transaction_mode}",  # type: ignore[attr-defined]  # not in its stubs
                    time.monotonic() + patience,
                )
        finally:
            self.connection.execute(f"PRAGMA busy_timeout = {patience * 1000:.0f}")


class Cursor(base.SQLiteCursorWrapper):
    def __init__(self, wrapper: DatabaseWrapper, connection: Any) -> None:
        super().__init__(connection)
        self._wrapper = wrapper

    def execute(self, query: str, params: Any = None) -> Any:
        """A statement that writes by itself waits for its turn as a transaction does."""
        self._wrapper.begin_if_due()
        if self.connection.in_transaction or not query.lstrip().startswith(_WRITE):
            return super().execute(query, params)
        with self._wrapper.turn.taken():
            return super().execute(query, params)

    def executemany(self, query: str, param_list: Any) -> Any:
        self._wrapper.begin_if_due()
        return super().executemany(query, param_list)

    def convert_query(self, query: str, *, param_names: Iterable[str] | None = None) -> str:
        if param_names is None and len(query) <= _LONGEST:
            return _converted(query)
        return super().convert_query(query, param_names=param_names)  # type: ignore[misc]  # not in its stubs


def _begin(link: Any, statement: str, deadline: float) -> None:
    step = _FIRST_STEP
    while True:
        try:
            link.execute(statement)
            return
        except sqlite3.OperationalError as error:
            if not error.sqlite_errorname.startswith("SQLITE_BUSY") or time.monotonic() > deadline:
                raise
        time.sleep(step)
        step = min(step * _STEPS_GROW, _LONGEST_STEP)


@lru_cache(maxsize=512)
def _converted(query: str) -> str:
    return base.FORMAT_QMARK_REGEX.sub("?", query).replace("%%", "%")
