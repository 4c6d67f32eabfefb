"""`answerback serve`: the whole product on one machine, web and workers in one process."""

from __future__ import annotations

from functools import partial

import click
from django.conf import settings

from answerback import checks
from answerback.cli import running
from answerback.cli.beginning import say_where_to_begin
from answerback.cli.migrate import migrate
from answerback.server import run as server
from answerback.workers import runner


@click.command("serve")
def command() -> None:
    """Run web and workers until Ctrl-C or SIGTERM. Settings come from the environment or answerback.toml."""
    checks.check_port(settings.HTTP_LISTEN, "HTTP_LISTEN")
    checks.check_port(settings.SMTP_LISTEN, "SMTP_LISTEN")
    migrate()
    click.echo(f"Answerback: {settings.BASE_URL} (mail in at {settings.SMTP_LISTEN[0]}:{settings.SMTP_LISTEN[1]})")
    say_where_to_begin()
    running.run({"web": server.serve, "workers": partial(runner.run, runner.NAMES)})
