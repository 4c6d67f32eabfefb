"""Where the developers' verbs work: a checkout, with the tests, locks and sources that an installed wheel has not."""

from __future__ import annotations

import sys
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parents[3]


def require_checkout() -> Path:
    """The root of the checkout that this code runs from. Ends the command with one line where there is none."""
    if not (ROOT / "pyproject.toml").exists() or not (ROOT / "tests").is_dir():
        raise click.ClickException("this verb is for developers: run it as ./answerback in a checkout.")
    return ROOT


def say(line: str) -> None:
    """One line on stderr at once, in step with the output of the tools that are run."""
    sys.stdout.flush()
    click.secho(f"answerback: {line}", err=True, bold=True)
