"""`answerback read-bounce`: what a returned mail says. No database, no Django."""

from __future__ import annotations

import click

from mailroom import read_bounce


@click.command("read-bounce", context_settings={"ignore_unknown_options": True})
@click.argument("files", nargs=-1, type=click.Path())
def command(files: tuple[str, ...]) -> None:
    """Read bounces, delays and complaints from FILEs (or JSON strings, one a line, on stdin) into JSON lines."""
    raise SystemExit(read_bounce.main(list(files)))
