"""`answerback lint`: everything that can be judged without running the product.

Policy: each check prints one line, all run even when one fails, and what a failed one has to say follows its line. As
many run at a time as there are cores.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click

from answerback.cli import licences, locks, messages
from answerback.cli.checkout import require_checkout

BOOTSTRAP = "answerback"  # a Python file without a suffix: tools must be told of it
PYTHON_FILES = (".", BOOTSTRAP)
LINT_IMPORTS = ("-c", "from importlinter.cli import lint_imports_command; lint_imports_command()", "--no-cache")
TEMPLATES = "src/answerback"
LONGEST = "mypy"  # it begins first

# Some tools import the settings: they shall meet no database and make no data folder.
SETTINGS = {
    "ANSWERBACK_CONFIG": os.devnull,
    "ANSWERBACK_DATABASE_URL": "sqlite:///:memory:",
    "ANSWERBACK_SECRET_KEY": "only-for-lint",
    "DJANGO_SETTINGS_MODULE": "answerback.settings",
}

Check = Callable[[Path], list[str]]


@click.command()
def command() -> None:
    """Check style, types, layers, templates, translations, lock files, licences. For developers, in a checkout."""
    root = require_checkout()
    with ThreadPoolExecutor(os.cpu_count() or 1) as cores:
        longest_first = sorted(CHECKS, key=lambda name: name != LONGEST)
        running = {name: cores.submit(_timed, CHECKS[name], root) for name in longest_first}
        results = [_tell(name, *running[name].result()) for name in CHECKS]
    sys.exit(0 if all(results) else 1)


def _timed(check: Check, root: Path) -> tuple[list[str], float]:
    """Its faults, and the seconds that it took."""
    started = time.monotonic()
    return check(root), time.monotonic() - started


def _tell(name: str, faults: list[str], seconds: float) -> bool:
    verdict = click.style("FAILED", fg="red") if faults else click.style("ok", fg="green")
    click.echo(f"{name:<14} {verdict}  ({seconds:.1f} s)")
    for line in faults:
        click.echo(f"    {line}")
    return not faults


def _tool(*arguments: str) -> Check:
    """A check by a tool of the virtual environment: its output is the fault when it ends with anything but 0."""

    def check(root: Path) -> list[str]:
        environ = {**os.environ, **SETTINGS}
        done = subprocess.run(
            [sys.executable, *arguments], cwd=root, env=environ, capture_output=True, text=True, check=False
        )
        if done.returncode == 0:
            return []
        return (done.stdout + done.stderr).splitlines() or [f"ended with {done.returncode}"]

    return check


CHECKS: dict[str, Check] = {
    "ruff": _tool("-m", "ruff", "check", "--quiet", *PYTHON_FILES),
    "format": _tool("-m", "ruff", "format", "--check", *PYTHON_FILES),
    "mypy": _tool("-m", "mypy"),
    "layers": _tool(*LINT_IMPORTS),
    "migrations": _tool("-m", "django", "makemigrations", "--check", "--dry-run"),
    "templates": _tool("-m", "djlint", "--lint", "--quiet", TEMPLATES),
    "translations": messages.problems,
    "lock files": locks.addresses,
    "licences": licences.problems,
}
