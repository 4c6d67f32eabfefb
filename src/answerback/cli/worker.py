"""`answerback worker`: the parts that work without a browser."""

from __future__ import annotations

from functools import partial

import click

from answerback.cli import running
from answerback.core import mail_settings
from answerback.workers import runner


@click.command("worker")
@click.argument("names", nargs=-1, type=click.Choice(runner.NAMES), metavar="[receive] [deliver] [react] [tidy]")
@click.option("--once", is_flag=True, help="Do all there is to do now, then end.")
def command(names: tuple[str, ...], once: bool) -> None:
    """Receive mail, deliver mail, react to what became of it, tidy up. Without names: all of them.

    Ctrl-C or SIGTERM ends it cleanly within ten seconds.
    """
    chosen = tuple(dict.fromkeys(names)) or runner.NAMES
    mail_settings.take_over_at_start()
    if once:
        runner.run_once(chosen)
        return
    try:
        running.run({"workers": partial(runner.run, chosen, listening=_say_where)})
    except OSError as error:
        raise click.ClickException(f"Mail cannot be received: {error}") from None


def _say_where(host: str, port: int) -> None:
    click.echo(f"Taking mail on {host}:{port}", err=True)
