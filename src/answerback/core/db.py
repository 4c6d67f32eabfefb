"""The one module, beside `core.dump` and the backend `core.sqlite`, that knows which database it runs on.

Everything else asks here for what differs: telling other processes that something changed, hearing of it, whether the
database is in trouble, and the seconds between two times. Row locks of the ORM need no question:
`select_for_update(skip_locked=True)` is what PostgreSQL needs, and SQLite ignores it, because there a transaction that
writes is alone from its BEGIN IMMEDIATE on.

Hearing of changes never is the only way: whoever waits here polls as well, so a lost wake-up costs a second, no more.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from datetime import datetime
from itertools import chain
from typing import Any, ParamSpec, TypeVar

from django.conf import settings
from django.db import (
    DatabaseError,
    Error,
    InterfaceError,
    OperationalError,
    close_old_connections,
    connection,
    connections,
)
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.db.models import BigIntegerField, Func, Model
from django.db.models.sql.compiler import SQLCompiler
from django.dispatch import receiver

from answerback.core import clock
from answerback.core.models import LiveChange

P = ParamSpec("P")
R = TypeVar("R")

ANYTHING = "*"  # the topic that stands for "changes may have been missed"
_CHANNEL = "answerback"
_LOOK_EVERY = 0.1  # seconds between two looks at SQLite's data_version
_RETRY_AFTER = 1.0
_SQLITE_TROUBLE = {5, 6, 7, 8, 10, 13, 14, 15}  # BUSY, LOCKED, NOMEM, READONLY, IOERR, FULL, CANTOPEN, PROTOCOL
# connection, read-only (it is a stand-by now), froze, resources, somebody stops it, its system
_POSTGRESQL_TROUBLE = ("08", "25006", "25P03", "53", "57", "58")
_MOST_IDLE = 60  # seconds


def is_postgresql() -> bool:
    return connection.vendor == "postgresql"


@receiver(connection_created, dispatch_uid="limit idleness")
def _limit_idleness(connection: BaseDatabaseWrapper, **said: object) -> None:
    """A machine that freezes within a transaction must not keep its rows from everybody else: it is cut off."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SET idle_in_transaction_session_timeout = '{min(settings.LEASE, _MOST_IDLE)}s'")


def may_idle() -> None:
    """The transaction that has just begun does work beside the database that may take its time."""
    if is_postgresql():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")


def is_in_trouble(error: Exception) -> bool:
    """Whether nobody could have worked just then, whatever was asked: away, locked, full, a bad disk."""
    if not isinstance(error, Error):
        return False
    sqlite = getattr(error.__cause__, "sqlite_errorcode", None)
    postgresql = getattr(error.__cause__, "sqlstate", None)
    if sqlite is not None:
        return sqlite & 0xFF in _SQLITE_TROUBLE
    if postgresql is not None:
        return postgresql.startswith(_POSTGRESQL_TROUBLE)
    return isinstance(error, (OperationalError, InterfaceError))  # what the driver itself says of a lost connection


def storable(text: str, length: int | None = None) -> str:
    """Text that both databases take: PostgreSQL refuses NUL, both refuse half surrogates."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")[:length]


def rows(sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """The answer to a question that is asked for every mail. The ORM takes longer to write it than both databases to
    answer it; times come as they are stored, in UTC, on SQLite without saying so. A statement that only writes has no
    answer.
    """
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall() if cursor.description else []


def constant_rows(sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """The same about what never changes once it is there: on SQLite nobody is kept from writing for it."""
    with getattr(connection, "unlocked", nullcontext)():
        return rows(sql, values)


def rows_of(sql: str, ids: Collection[int], values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """The same about the rows with these ids: they take the place of `{ids}`, behind that of all `values`."""
    if not ids:
        return []
    places, given = _places(ids)
    return rows(sql.format(ids=places), [*values, *given])


def octets_of(sql: str, ids: Collection[int]) -> list[tuple[Any, ...]]:
    """The same of a question for octets, which PostgreSQL otherwise gives as twice as many digits."""
    if not (ids and is_postgresql()):
        return rows_of(sql, ids)
    places, given = _places(ids)
    with _binding_on_the_server(), connection.cursor() as cursor:
        cursor.cursor.format = 1  # binary: libpq's numbers
        cursor.execute(sql.format(ids=places), given)
        return cursor.fetchall()


def _places(ids: Collection[int]) -> tuple[str, Sequence[Any]]:
    """What stands in the brackets of an IN, and its values. psycopg takes longer to find each of many places than the
    server to answer: there it is one.
    """
    if is_postgresql():
        return "SELECT unnest(%s::bigint[])", [list(ids)]
    return ", ".join(["%s"] * len(ids)), list(ids)


def write(
    sql: str, types: Sequence[str], given: Sequence[Sequence[Any]], values: Sequence[Any] = ()
) -> tuple[int, list[tuple[Any, ...]]]:
    """Execute a statement in which `{table}` stands for rows of values, behind all `values`; its columns are column1,
    column2, … of these types, as PostgreSQL calls them. Gives how many rows it wrote, and what it answers.
    """
    table, more = _table(types, given)
    with _binding_on_the_server(), connection.cursor() as cursor:
        cursor.execute(sql.format(table=table), [*values, *more])
        return cursor.rowcount, cursor.fetchall() if cursor.description else []


def _table(types: Sequence[str], given: Sequence[Sequence[Any]]) -> tuple[str, Sequence[Any]]:
    if is_postgresql():
        arrays = ", ".join(f"{'%b' if name == 'bytea' else '%s'}::{name}[]" for name in types)
        names = ", ".join(f"column{number}" for number in range(1, len(types) + 1))
        columns = [list(column) for column in zip(*given, strict=True)]
        return f"(SELECT * FROM unnest({arrays}) AS given ({names}))", columns  # noqa: S608
    row = f"({', '.join(['%s'] * len(types))})"
    return f"(VALUES {', '.join([row] * len(given))})", list(chain.from_iterable(given))


@contextmanager
def _binding_on_the_server() -> Iterator[None]:
    """Django writes values into the statement, octets as twice as many digits. Sent beside it, with `%b`, they stay as
    they are.
    """
    if not is_postgresql():
        yield
        return
    # not at the top: it asks for the driver, and its stubs do not know it
    from django.db.backends.postgresql.base import ServerBindingCursor  # type: ignore[attr-defined]

    connection.ensure_connection()
    link: Any = connection.connection
    usual, link.cursor_factory = link.cursor_factory, ServerBindingCursor
    try:
        yield
    finally:
        link.cursor_factory = usual


def row_lock(table: str = "", skip_locked: bool = False) -> str:
    """What belongs behind a question about rows (of `table`, where there are several) that nobody else may change.

    On SQLite nothing does: whoever writes is alone from its BEGIN IMMEDIATE on.
    """
    if not is_postgresql():
        return ""
    return f"FOR UPDATE{f' OF {table}' if table else ''}{' SKIP LOCKED' if skip_locked else ''}"


def lock(table: str, ids: Collection[int]) -> None:
    """Let nobody else change these rows until the transaction ends, in the order in which everybody locks them."""
    if is_postgresql():
        rows_of(f"SELECT 1 FROM {table} WHERE id IN ({{ids}}) ORDER BY id FOR UPDATE", ids)  # noqa: S608


def publish(topics: Collection[str]) -> None:
    """Tell every process that `topics` changed, when and only when the transaction under way commits."""
    if topics:
        _publish(f"VALUES {', '.join(['(%s)'] * len(topics))}", list(topics))


def publish_values(topic: str, table: str, column: str, ids: Collection[int]) -> None:
    """The same of `topic:VALUE` for each value that these rows of the table have in the column."""
    places, given = _places(ids)
    values = f"SELECT DISTINCT {column} FROM {table} WHERE id IN ({places})"  # noqa: S608
    _publish(f"SELECT '{topic}:' || {column} FROM ({values}) AS found WHERE {column} IS NOT NULL", given)  # noqa: S608


def _publish(topics: str, values: Sequence[Any]) -> None:
    """A question whose answer has one topic in each row."""
    if is_postgresql():
        statement = f"SELECT pg_notify('{_CHANNEL}', topic) FROM ({topics}) AS topics (topic)"  # noqa: S608
    else:
        now = connection.ops.adapt_datetimefield_value(clock.now())
        statement = f"INSERT INTO core_livechange (topic, at) SELECT *, '{now}' FROM ({topics})"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def changes(stop: threading.Event) -> Iterator[list[str]]:
    """Topics as they change, in this and other processes, until `stop`. Blocks: call it in a thread of its own.

    The first list is empty: from then on nothing is missed. After a broken connection it yields [ANYTHING].
    """
    follow = _follow_postgresql if is_postgresql() else _follow_sqlite
    missed: list[str] = []
    while not stop.is_set():
        try:
            yield from follow(stop, missed)
        except DatabaseError:
            connection.close()
            missed = [ANYTHING]
            stop.wait(_RETRY_AFTER)
    connection.close()


def forget_changes(before: datetime) -> int:
    """Delete the traces of publishing from before that time. PostgreSQL leaves none."""
    return LiveChange.objects.filter(at__lt=before).delete()[0]


def _follow_sqlite(stop: threading.Event, missed: list[str]) -> Iterator[list[str]]:
    """`PRAGMA data_version` changes with every commit of another connection; it costs no disk access."""
    seen = LiveChange.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    version = _data_version()
    yield missed
    while not stop.wait(_LOOK_EVERY):
        if (now := _data_version()) == version:
            continue
        version = now
        rows = list(LiveChange.objects.filter(pk__gt=seen).order_by("pk").values_list("pk", "topic"))
        if rows:
            seen = rows[-1][0]
            yield list(dict.fromkeys(topic for _, topic in rows))


def _data_version() -> int:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA data_version")
        return int(cursor.fetchone()[0])


def _follow_postgresql(stop: threading.Event, missed: list[str]) -> Iterator[list[str]]:
    with connection.cursor() as cursor:
        cursor.execute(f"LISTEN {_CHANNEL}")
    yield missed
    link: Any = connection.connection
    while not stop.is_set():
        with connection.wrap_database_errors:
            topics = [notice.payload for notice in link.notifies(timeout=_RETRY_AFTER / 2, stop_after=1)]
        if topics:
            yield topics


def wait_for_writers(model: type[Model]) -> None:
    """Return when every transaction has ended that had written rows of `model`: until then ids may have gaps.

    Belongs into a short transaction. On SQLite one transaction writes at a time, and ids appear in their order.
    """
    if is_postgresql():
        with connection.cursor() as cursor:
            cursor.execute(f'LOCK TABLE "{model._meta.db_table}" IN SHARE MODE')


class DatabaseThread:
    """Runs database work of an event loop in one thread with one connection, in the order it was asked for."""

    def __init__(self, name: str) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=name)

    async def run(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """What `work` returns or raises. A connection that broke is replaced before the next work."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, lambda: _with_sound_connection(work, *args, **kwargs))

    async def close(self) -> None:
        """After the work under way; nothing may be asked for afterwards."""
        await asyncio.get_running_loop().run_in_executor(self._executor, connections.close_all)
        self._executor.shutdown(wait=False)


def _with_sound_connection(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    close_old_connections()
    return work(*args, **kwargs)


class SecondsBetween(Func):
    """Whole seconds from `earlier` to `later`: `SecondsBetween(later, earlier)`."""

    output_field = BigIntegerField()
    arity = 2
    arg_joiner = " - "
    template = "CAST(EXTRACT(EPOCH FROM (%(expressions)s)) AS bigint)"

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        return self.as_sql(
            compiler,
            connection,
            template="CAST(ROUND((julianday(%(expressions)s)) * 86400) AS INTEGER)",
            arg_joiner=") - julianday(",
            **context,
        )
