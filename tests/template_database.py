"""Tables made once for a whole run, and copied: to migrate an empty database takes four seconds of CPU.

Every worker, desk and installation of a run has a database of its own. Who comes first makes the template, by Django's
`migrate` alone; whoever begins with a copy still migrates it, as the product does at its start. The workers of a run
share the folder that ANSWERBACK_TEST_TEMPLATE names. Without it, as in benchmarks, databases begin empty.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

FOLDER = "ANSWERBACK_TEST_TEMPLATE"
EMPTY = "template1"  # PostgreSQL's own
MIGRATE = """
from answerback.cli import start_django
start_django()
from django.core.management import call_command
from django.db import connection
call_command("migrate", interactive=False, verbosity=0)
connection.close()
"""


def begin_with_tables(file: Path) -> None:
    """A database of SQLite, unless it is there."""
    if FOLDER not in os.environ or file.exists():
        return
    with _alone() as folder:
        template = folder / "template.sqlite3"
        if not template.exists():
            fresh = folder / "fresh.sqlite3"
            _migrate(f"sqlite:///{fresh}", folder)
            fresh.rename(template)
    shutil.copyfile(template, file)


def create_database(name: str) -> str:
    """A database on the PostgreSQL server of the run, unless it is there; its URL."""
    server = os.environ["ANSWERBACK_TEST_DATABASE_URL"]
    with psycopg.connect(server, autocommit=True) as connection:
        if not _is_there(connection, name):
            _create(connection, name, name_of_template())
    return _url(server, name)


def name_of_template() -> str:
    """The database on that server which others copy."""
    if FOLDER not in os.environ:
        return EMPTY
    server = os.environ["ANSWERBACK_TEST_DATABASE_URL"]
    with _alone() as folder, psycopg.connect(server, autocommit=True) as connection:
        template = f"tables_of_{folder.parent.name}"
        if not _is_there(connection, template):
            _create(connection, template, EMPTY)
            _migrate(_url(server, template), folder)
    return template


@contextmanager
def _alone() -> Iterator[Path]:
    """In the shared folder, one process at a time."""
    folder = Path(os.environ[FOLDER])
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


def _migrate(url: str, folder: Path) -> None:
    settings = {"CONFIG": os.devnull, "DATA_DIR": str(folder), "DATABASE_URL": url, "SECRET_KEY": "of-nobody"}
    environment = os.environ | {f"ANSWERBACK_{name}": value for name, value in settings.items()}
    subprocess.run([sys.executable, "-c", MIGRATE], env=environment, check=True)


def _is_there(connection: psycopg.Connection, name: str) -> bool:
    return connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is not None


def _create(connection: psycopg.Connection, name: str, template: str) -> None:
    words = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
    connection.execute(words.format(sql.Identifier(name), sql.Identifier(template)))


def _url(server: str, name: str) -> str:
    address, mark, query = server.partition("?")
    return f"{address.rpartition('/')[0]}/{name}{mark}{query}"
