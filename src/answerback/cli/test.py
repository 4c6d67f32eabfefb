"""`answerback test`: everything on SQLite, then the database tests on a real PostgreSQL.

Policy: nothing is left out in silence. What this machine cannot run is listed at the end with its reason, and with
ANSWERBACK_REQUIRE_ALL=1 it fails the run. Further arguments go to pytest: then only the tests asked for run, on both
databases where they depend on one.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import click

from answerback.cli.checkout import require_checkout, say
from answerback.cli.chromium import find_chromium, install_chromium
from answerback.cli.throwaway_postgres import NoPostgresError, throwaway_postgres

NO_TESTS_COLLECTED = 5  # pytest's exit code


@dataclass
class Run:
    """One `answerback test`: what to pass on, what came of it."""

    root: Path
    arguments: tuple[str, ...]
    results: dict[str, int] = field(default_factory=dict)
    not_run: list[str] = field(default_factory=list)


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(arguments: tuple[str, ...]) -> None:
    """Run all tests, or those that the ARGUMENTS for pytest name. For developers, in a checkout."""
    signal.signal(signal.SIGTERM, _leave)
    run = Run(require_checkout(), arguments)
    _provide_chromium(run)
    _run_on_sqlite(run)
    _run_on_postgresql(run)
    sys.exit(_report(run))


def _leave(number: int, frame: FrameType | None) -> None:
    """SIGTERM leaves by an exception, so that the database server is stopped on the way out."""
    sys.exit(128 + number)


def _provide_chromium(run: Run) -> None:
    if find_chromium():
        return
    say("no Chromium here; trying to install Debian's package.")
    if not install_chromium():
        run.not_run.append("browser tests: no Chromium on this machine (Debian: apt install chromium, then retry)")


def _run_on_sqlite(run: Run) -> None:
    say("tests on SQLite")
    run.results["SQLite"] = _pytest(run, {"ANSWERBACK_TEST_DATABASE": "sqlite"})


def _run_on_postgresql(run: Run) -> None:
    try:
        with throwaway_postgres() as server:
            name = f"PostgreSQL {server.version}"
            say(f"database tests on {name}")
            database = {"ANSWERBACK_TEST_DATABASE": "postgresql", "ANSWERBACK_TEST_DATABASE_URL": server.url}
            code = _pytest(run, database)
            run.results[name] = 0 if code == NO_TESTS_COLLECTED and run.results["SQLite"] == 0 else code
    except NoPostgresError as error:
        run.not_run.append(f"database tests on PostgreSQL: {error}")


def _pytest(run: Run, database: dict[str, str]) -> int:
    """Run pytest. More workers than cores, for many tests wait: for mail, a page, the database. A module's tests are
    on one worker, where they share their browser."""
    workers = max(2, os.cpu_count() or 2) * 3 // 2
    spread = ["-n", str(workers), "--dist", "loadfile", "--no-loadscope-reorder"]  # in the order of tests/conftest.py
    command = [sys.executable, "-m", "pytest", *spread, *run.arguments]
    return subprocess.run(command, cwd=run.root, env={**os.environ, **database}, check=False).returncode


def _report(run: Run) -> int:
    for name, code in run.results.items():
        say(f"{name}: {'passed' if code == 0 else f'FAILED (pytest ended with {code})'}")
    for reason in run.not_run:
        say(f"NOT RUN: {reason}")
    incomplete = bool(run.not_run) and os.environ.get("ANSWERBACK_REQUIRE_ALL") == "1"
    return 1 if any(run.results.values()) or incomplete else 0
