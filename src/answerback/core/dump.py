"""All rows of the database as files, and back: beside `core.db` the one place that knows which database it is.

Policy: a snapshot shows one moment, and nobody who writes waits for it. SQLite gives it by its backup interface, in one
step, as a file of its own. PostgreSQL gives it by one REPEATABLE READ transaction in which every table is copied out as
text, without a program beside our own driver. Tables are made by our migrations, never by a backup: only rows travel.
What stands in the way of a restore is renamed, never deleted, unless nobody has worked with it yet.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from django.conf import settings
from django.db import DatabaseError, connection, connections, transaction
from django.db.migrations.executor import MigrationExecutor
from psycopg import sql

from answerback.core import db

SQLITE, POSTGRESQL = "sqlite", "postgresql"
DATABASE = "database.sqlite3"  # the one member of a dump of SQLite
TABLES = "tables/"  # PostgreSQL: one member for each table, COPY's text
_SUFFIX = ".copy"
_BLOCK = 2**20

Read = Callable[[int], bytes]
Migrations = Collection[tuple[str, str]]  # application and name of each that was applied
Tables = Mapping[str, Sequence[str]]  # columns of each; SQLite: none


class DumpError(Exception):
    """The database refuses. The text is one line for the admin."""


class Snapshot(Protocol):
    """The database as it was at one moment."""

    kind: str
    tables: dict[str, list[str]]
    rows: dict[str, int]  # of each table; PostgreSQL: known once the table was copied

    def query(self, select: str) -> list[tuple[Any, ...]]: ...

    def members(self) -> Iterator[tuple[str, Path]]:
        """Name and file of each part of the dump; a file may be gone when the next is asked for."""


def kind() -> str:
    return POSTGRESQL if db.is_postgresql() else SQLITE


@contextmanager
def snapshot(folder: Path) -> Iterator[Snapshot]:
    """Lasts as long as the block. `folder` takes files on the way. DumpError, DatabaseError, OSError."""
    with (_postgresql_snapshot if db.is_postgresql() else _sqlite_snapshot)(folder) as taken:
        yield taken


def table_of(member: str) -> str:
    """The table whose rows the member holds, a line each; "" where it is another kind of member."""
    return member.removeprefix(TABLES).removesuffix(_SUFFIX) if member.startswith(TABLES) else ""


def check_sqlite_file(path: Path) -> None:
    """DumpError where SQLite itself finds the file damaged."""
    try:
        found = _on_file(path, "PRAGMA integrity_check")
    except sqlite3.Error as error:
        raise DumpError(f"the database in it cannot be read ({error})") from None
    if found != [("ok",)]:
        raise DumpError(f"the database in it is damaged ({found[0][0]})")


def is_unused(tables: Sequence[str]) -> bool:
    """Whether none of these tables holds a row: nobody has worked with this database. A damaged one was used."""
    if not db.is_postgresql() and not _sqlite_path().exists():
        return True
    try:
        with connection.cursor() as cursor:
            present = set(connection.introspection.table_names(cursor))
            for table in present.intersection(tables):
                cursor.execute(f"SELECT EXISTS (SELECT 1 FROM {_quoted(table)})")  # noqa: S608  # a name of ours
                if cursor.fetchone()[0]:
                    return False
    except DatabaseError:
        if db.is_postgresql():
            raise
        return False
    finally:
        connections.close_all()
    return True


def refuse_while_used() -> None:
    """DumpError where another process has the database open."""
    if db.is_postgresql():
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity "
                "WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()"
            )
            used = cursor.fetchone()[0] > 0
    else:
        used = _sqlite_is_used()
    if used:
        raise DumpError("something works with the database now: stop Answerback everywhere first")


def set_aside(name: str) -> str:
    """Move what the database holds out of the way, and say where it is. To be repeated where it broke off."""
    connections.close_all()
    return _set_aside_postgresql(name) if db.is_postgresql() else _set_aside_sqlite(name)


def clear() -> None:
    """Remove what the database holds."""
    connections.close_all()
    if db.is_postgresql():
        with transaction.atomic(), connection.cursor() as cursor:
            for table in _postgresql_tables(cursor):
                cursor.execute(f"DROP TABLE {_quoted(table)} CASCADE")
    else:
        for path in _sqlite_files():
            path.unlink(missing_ok=True)


@contextmanager
def loading(migrations: Migrations, tables: Tables) -> Iterator[Callable[[str, Read], None]]:
    """Takes the members of a dump, name and reader each; all is there when the block ends, or nothing.

    The database has been cleared or set aside before, and is left as it was when the dump was made, not yet migrated.
    """
    with _loading_postgresql(migrations, tables) if db.is_postgresql() else _loading_sqlite() as load:
        yield load


# SQLite


class _SqliteSnapshot:
    kind = SQLITE

    def __init__(self, copy: sqlite3.Connection, path: Path) -> None:
        self._copy, self._path = copy, path
        select = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'"
        names = [name for (name,) in self.query(select) if not name.startswith("sqlite_")]
        self.tables = {name: list[str]() for name in names}
        self.rows = {name: self.query(f"SELECT count(*) FROM {_quoted(name)}")[0][0] for name in names}  # noqa: S608

    def query(self, select: str) -> list[tuple[Any, ...]]:
        return self._copy.execute(select).fetchall()

    def members(self) -> Iterator[tuple[str, Path]]:
        yield DATABASE, self._path


@contextmanager
def _sqlite_snapshot(folder: Path) -> Iterator[Snapshot]:
    path = folder / DATABASE
    connection.ensure_connection()
    copy = sqlite3.connect(path)
    try:
        connection.connection.backup(copy)  # in one step: in WAL mode writers go on, and the copy is of one moment
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, nothing beside it
        taken = _SqliteSnapshot(copy, path)
    except sqlite3.Error as error:
        copy.close()
        raise DumpError(f"the database cannot be copied: {error}") from None
    try:
        yield taken
    finally:
        copy.close()


@contextmanager
def _loading_sqlite() -> Iterator[Callable[[str, Read], None]]:
    target = _sqlite_path()
    unfinished = _beside(target, ".restoring")

    def load(name: str, read: Read) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            while block := read(_BLOCK):
                file.write(block)
            file.flush()
            os.fsync(file.fileno())

    yield load
    unfinished.rename(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _sqlite_path() -> Path:
    return Path(str(settings.DATABASES["default"]["NAME"]))


def _sqlite_files() -> list[Path]:
    path = _sqlite_path()
    return [path, *(_beside(path, end) for end in ("-wal", "-shm", ".restoring"))]


def _sqlite_is_used() -> bool:
    """Leaving WAL mode takes the file for itself, which fails while anybody has it open. What stands in the WAL is
    written into the file on the way. A damaged file is used by nobody."""
    connections.close_all()
    if not _sqlite_path().exists():
        return False
    try:
        _on_file(_sqlite_path(), "PRAGMA journal_mode=DELETE")
    except sqlite3.Error as error:
        return "locked" in str(error)
    return False


def _set_aside_sqlite(name: str) -> str:
    path = _sqlite_path()
    kept = _beside(path, f".{name}")
    for end in ("-wal", "-shm", ""):
        with suppress(FileNotFoundError):
            _beside(path, end).rename(_beside(kept, end))
    return str(kept)


def _on_file(path: Path, statement: str) -> list[tuple[Any, ...]]:
    link = sqlite3.connect(path, timeout=1)
    try:
        return link.execute(statement).fetchall()
    finally:
        link.close()


def _beside(path: Path, end: str) -> Path:
    return path.with_name(path.name + end)


# PostgreSQL


class _PostgresqlSnapshot:
    kind = POSTGRESQL

    def __init__(self, cursor: Any, folder: Path) -> None:
        self._cursor, self._folder = cursor, folder
        self.tables = {name: _columns(cursor, name) for name in _postgresql_tables(cursor)}
        self.rows: dict[str, int] = {}

    def query(self, select: str) -> list[tuple[Any, ...]]:
        self._cursor.execute(select)
        found: list[tuple[Any, ...]] = self._cursor.fetchall()
        return found

    def members(self) -> Iterator[tuple[str, Path]]:
        path = self._folder / "table"
        for name, columns in self.tables.items():
            with path.open("wb") as file, self._cursor.copy(_copy(name, columns, "TO STDOUT")) as blocks:
                for block in blocks:
                    file.write(block)
            self.rows[name] = self._cursor.rowcount
            yield f"{TABLES}{name}{_SUFFIX}", path
            path.unlink()


@contextmanager
def _postgresql_snapshot(folder: Path) -> Iterator[Snapshot]:
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        db.may_idle()
        yield _PostgresqlSnapshot(cursor, folder)


@contextmanager
def _loading_postgresql(migrations: Migrations, tables: Tables) -> Iterator[Callable[[str, Read], None]]:
    """First the tables as they were then, by the migrations they were made by; then all rows in one transaction.

    Foreign keys are checked at its end, so the tables may come in any order.
    """
    executor = MigrationExecutor(connection)
    executor.migrate(_newest(executor, migrations))
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        db.may_idle()
        present = {name: set(_columns(cursor, name)) for name in _postgresql_tables(cursor)}
        wrong = [name for name, columns in tables.items() if not set(columns) <= present.get(name, set())]
        if wrong:
            raise DumpError(f"the backup has tables or columns that its migrations do not make: {', '.join(wrong)}")
        # what the migrations have written themselves is in the dump as well
        cursor.execute(f"TRUNCATE {', '.join(map(_quoted, present))}")

        def load(name: str, read: Read) -> None:
            table = table_of(name)
            with cursor.copy(_copy(table, tables[table], "FROM STDIN")) as rows:
                while block := read(_BLOCK):
                    rows.write(block)

        yield load
        _reset_sequences(cursor)


def _newest(executor: MigrationExecutor, migrations: Migrations) -> list[tuple[str, str]]:
    """Those that no other one of the same application builds on."""
    nodes = executor.loader.graph.node_map
    applied = set(migrations) & nodes.keys()
    built_on = {
        key for key in applied for child in nodes[key].children if child.key in applied and child.key[0] == key[0]
    }
    return sorted(applied - built_on)


def _reset_sequences(cursor: Any) -> None:
    """The next row gets the number behind the last one."""
    # by the table's oid: given a name, PostgreSQL may look it up before it has sorted out other schemas' tables
    # (seen with 15: 'relation "information_schema_catalog_name" does not exist', by the plan that it chose)
    cursor.execute(
        "SELECT relname, attname, pg_get_serial_sequence(pg_class.oid::regclass::text, attname) "
        "FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid "
        "WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND attnum > 0 AND NOT attisdropped "
        "AND pg_get_serial_sequence(pg_class.oid::regclass::text, attname) IS NOT NULL"
    )
    for table, column, sequence in cursor.fetchall():
        last = f"SELECT max({_quoted(column)}) FROM {_quoted(table)}"  # noqa: S608  # names the database told us
        cursor.execute(f"SELECT setval(%s, coalesce(({last}), 1), ({last}) IS NOT NULL)", [sequence])


def _set_aside_postgresql(name: str) -> str:
    schema = name.replace("-", "_")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {_quoted(schema)}")
        for table in _postgresql_tables(cursor):
            cursor.execute(f"ALTER TABLE {_quoted(table)} SET SCHEMA {_quoted(schema)}")
    return f"the schema {schema} of the database"


def _postgresql_tables(cursor: Any) -> list[str]:
    cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename")
    return [name for (name,) in cursor.fetchall()]


def _columns(cursor: Any, table: str) -> list[str]:
    cursor.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = current_schema() "
        "AND table_name = %s AND is_generated = 'NEVER' ORDER BY ordinal_position",
        [table],
    )
    return [name for (name,) in cursor.fetchall()]


def _copy(table: str, columns: Sequence[str], direction: str) -> sql.Composed:
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    return sql.SQL("COPY {} ({}) ").format(sql.Identifier(table), names) + sql.SQL(direction)


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)
