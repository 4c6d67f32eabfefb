"""Answerback as the benchmark runs it: a data folder, and processes of its own for what is measured."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from itertools import count as counting
from pathlib import Path
from typing import NamedTuple

import psycopg
from benchmarks.delivery.anchors import SESSIONS, free_port, wait_for
from benchmarks.delivery.spent import Spent, memory, processor_seconds
from psycopg import sql


class Sign(StrEnum):
    UNSIGNED = "unsigned"
    RSA = "RSA-2048"
    ED25519 = "Ed25519"


_numbers = counting(1)


class Way(NamedTuple):
    """How mail is carried: signed or not, over so many connections, so many written in one transaction."""

    sign: Sign = Sign.UNSIGNED
    sessions: int = SESSIONS
    together: int = 20


@dataclass
class Desk:
    """`database` is a PostgreSQL URL, "" for SQLite in the folder."""

    folder: Path
    database: str
    sink: int = 0

    def prepare(self, sink: int) -> None:
        """Tables, keys, and the tickets that mail belongs to."""
        self.sink = sink
        self.folder.mkdir(parents=True)
        with self._process("prepare"):
            pass

    def another(self) -> Desk:
        """One like it, with a database of its own."""
        name = f"{self.folder.name}_{next(_numbers)}"
        desk = Desk(self.folder.with_name(name), "")
        if self.database:
            server, mark, query = self.database.partition("?")
            with psycopg.connect(self.database, autocommit=True) as connection:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            desk.database = f"{server.rpartition('/')[0]}/{name}{mark}{query}"
        desk.prepare(self.sink)
        return desk

    def transport(self, port: int, count: int, size: int) -> Spent:
        """The SMTP client alone."""
        with self._process("transport", str(port), str(count), str(size)) as process:
            _line(process)
            return self._timed(count, process)

    def carry(self, count: int, size: int, way: Way) -> Spent:
        """From the first mail written to the last outcome stored; two processes, as in production."""
        written = self._process("write", str(count), str(size), way.sign.name, str(way.together))
        with written as writer, self._process("deliver", sessions=way.sessions) as worker:
            _line(writer)
            _line(worker)
            return self._timed(count, writer, worker)

    def drain(self, count: int, size: int) -> Spent:
        """The same of mail that waits already: without the writing."""
        with self._process("wait", str(count), str(size)) as watcher:
            _line(watcher)
            with self._process("deliver") as worker:
                _line(worker)
                return self._timed(count, watcher, worker)

    def fill(self, count: int) -> None:
        """Let that many mails wait."""
        with self._process("fill", str(count), "4096"):
            pass

    def deliver_for(self, seconds: float) -> tuple[Spent, int]:
        """What the worker carried in that time, and the most memory that it had."""
        with self._process("count") as before:
            accepted = int(_line(before))
        with self._process("deliver") as worker:
            _line(worker)
            began, processor = time.perf_counter(), self._processor(worker)
            time.sleep(seconds)
            took, processor = time.perf_counter() - began, self._processor(worker) - processor
            octets = memory(worker.pid, "VmHWM")
        with self._process("count") as after:
            return Spent(int(_line(after)) - accepted, took, processor), octets

    def receive(self, feed: Callable[[int], Spent]) -> Spent:
        """What taking the mail took that `feed` sent to the port."""
        port = free_port()
        with self._process("receive", str(port)) as process:
            wait_for(port)
            before = self._processor(process)
            fed = feed(port)
            return fed._replace(processor=self._processor(process) - before)

    def _timed(self, count: int, told: subprocess.Popen[str], *others: subprocess.Popen[str]) -> Spent:
        """Tell one process to begin; it says how long it took."""
        before = self._processor(told, *others)
        assert told.stdin
        told.stdin.write("go\n")
        told.stdin.flush()
        seconds = float(_line(told))
        return Spent(count, seconds, self._processor(told, *others) - before)

    def _processor(self, *processes: subprocess.Popen[str]) -> float:
        return processor_seconds([*(process.pid for process in processes), *self._database_server()])

    def _database_server(self) -> list[int]:
        """Its first process, which is the parent of those that serve us."""
        if not self.database:
            return []
        with psycopg.connect(self.database) as connection:
            found = connection.execute("SHOW data_directory").fetchone()
        assert found
        return [int((Path(found[0]) / "postmaster.pid").read_text().splitlines()[0])]

    @contextmanager
    def _process(self, *arguments: str, sessions: int = SESSIONS) -> Iterator[subprocess.Popen[str]]:
        """Ends when its input does; an error of its own is one of ours."""
        with (
            (self.folder / "log").open("ab") as log,
            subprocess.Popen(
                [sys.executable, "-m", "benchmarks.delivery.desk_process", *arguments],
                env=self._environment(sessions),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            ) as process,
        ):
            yield process
            process.communicate()
        if process.returncode:
            raise RuntimeError((self.folder / "log").read_text()[-2000:])

    def _environment(self, sessions: int) -> dict[str, str]:
        ours = {
            "ANSWERBACK_DATA_DIR": str(self.folder),
            "ANSWERBACK_DATABASE_URL": self.database,
            "ANSWERBACK_RELAY_URL": f"smtp://127.0.0.1:{self.sink}?tls=none",
            "ANSWERBACK_SESSIONS_PER_DESTINATION": str(sessions),
            "ANSWERBACK_SESSIONS_MAX": str(sessions),
            "ANSWERBACK_MAIL_DOMAIN": "acme.test",
            "DJANGO_SETTINGS_MODULE": "answerback.settings",
        }
        return os.environ | {name: value for name, value in ours.items() if value}


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    line = process.stdout.readline().strip()
    if not line:
        raise RuntimeError("a process of the benchmark ended early")
    return line
