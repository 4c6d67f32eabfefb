"""An installation of its own, whose processes may be killed: a data folder, a database, settings, and a nursery.

Starting Python and importing the product takes a second or more, and tests of kills start it dozens of times. So one
process, the nursery, has imported everything and forks a child for each command. A child is the product as the command
line runs it, with connections, threads and event loop of its own.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from tests.template_database import begin_with_tables, create_database

NURSERY = """
import gc, os, signal, sys
from importlib import import_module
from answerback.cli import VERBS, main, start_django
start_django()
for verb in ("worker", "deliveries", "rawmail", "backup"):
    import_module(f"answerback.cli.{verb}")
gc.freeze()
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
print("ready", flush=True)
for line in sys.stdin:
    output, *arguments = line.rstrip("\\n").split("\\t")
    child = os.fork()
    if child:
        print(child, flush=True)
        continue
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND), 1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.argv = ["answerback", *arguments]
    code = 1
    try:
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    finally:
        sys.stdout.flush()
        os._exit(code)
"""
PATIENCE = 240.0  # seconds without progress; only what hangs takes that long, however loaded the machine


@dataclass
class Installation:
    """Settings are named without their prefix."""

    folder: Path
    url: str
    settings: dict[str, str]

    def environment(self, **settings: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSWERBACK_", "DJANGO_"))}
        return {
            **kept,
            "ANSWERBACK_CONFIG": os.devnull,
            "ANSWERBACK_DATA_DIR": str(self.folder / "data"),
            "ANSWERBACK_DATABASE_URL": self.url,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            **{f"ANSWERBACK_{name}": value for name, value in (self.settings | settings).items()},
        }

    @property
    def log(self) -> Path:
        """What all of its processes say on stderr."""
        return self.folder / "log"

    def runs(self, code: str, *arguments: str) -> str:
        """Python code with the product at hand; what it prints."""
        with self.log.open("ab") as log:
            done = subprocess.run(
                [sys.executable, "-c", code, *arguments], env=self.environment(), stdout=subprocess.PIPE, stderr=log
            )
        assert done.returncode == 0, self.log.read_text()[-4000:]
        return done.stdout.decode()

    def asks(self, question: str) -> list[tuple[Any, ...]]:
        """The answer of the database to a SELECT."""
        if self.url.startswith("sqlite"):
            with closing(sqlite3.connect(self.url.removeprefix("sqlite:///"), timeout=PATIENCE)) as link:
                return link.execute(question).fetchall()
        with psycopg.connect(self.url) as connection:
            return connection.execute(question.encode()).fetchall()

    @contextmanager
    def nursery(self, **settings: str) -> Iterator[Nursery]:
        """Children of these settings. They end with it."""
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-c", NURSERY],
                env=self.environment(**settings),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        nursery = Nursery(self, process)
        assert process.stdout
        assert process.stdout.readline() == "ready\n", self.log.read_text()[-4000:]
        try:
            yield nursery
        finally:
            for pid in nursery.started:
                if is_running(pid):
                    os.kill(pid, signal.SIGKILL)
            process.kill()
            process.communicate()


@dataclass
class Nursery:
    installation: Installation
    process: subprocess.Popen[str]

    def __post_init__(self) -> None:
        self.started: list[int] = []

    def start(self, *command: str) -> int:
        """The process id of `answerback COMMAND`."""
        return self._fork(self.installation.folder / "output", command)

    def prints(self, *command: str) -> list[dict[str, Any]]:
        """The JSON lines of a command."""
        output = self.installation.folder / f"printed-{len(self.started)}"
        ended(self._fork(output, command))
        lines = output.read_text().splitlines()
        output.unlink()
        return [json.loads(line) for line in lines]

    def _fork(self, output: Path, command: Sequence[str]) -> int:
        assert self.process.stdin
        assert self.process.stdout
        print(output, *command, sep="\t", file=self.process.stdin, flush=True)
        pid = int(self.process.stdout.readline())
        self.started.append(pid)
        return pid


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def ended(pid: int) -> None:
    """Wait until that process is gone."""
    end = time.monotonic() + PATIENCE
    while is_running(pid):
        assert time.monotonic() < end, f"process {pid} does not end"
        time.sleep(0.02)


def make_installation(folder: Path, **settings: str) -> Installation:
    """With empty tables. On PostgreSQL its database is one of the test run's server."""
    (folder / "data").mkdir(parents=True, exist_ok=True)
    installation = Installation(folder, _database(folder), {"PROBE_EVERY": "0", "LOG_LEVEL": "WARNING"} | settings)
    installation.runs("from answerback.cli import main; main()", "migrate")
    return installation


def _database(folder: Path) -> str:
    if os.environ.get("ANSWERBACK_TEST_DATABASE") == "postgresql":
        return create_database(f"kills_{os.getpid()}_{time.monotonic_ns()}")
    file = folder / "data" / "answerback.sqlite3"
    begin_with_tables(file)
    return f"sqlite:///{file}"
