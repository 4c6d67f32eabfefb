"""`answerback web`: only the pages and the API, for sites with several machines."""

from __future__ import annotations

import click
from django.conf import settings

from answerback import checks
from answerback.cli import running
from answerback.cli.beginning import say_where_to_begin
from answerback.core import mail_settings
from answerback.server import run as server


@click.command("web")
def command() -> None:
    """Answer HTTP until Ctrl-C or SIGTERM."""
    checks.check_port(settings.HTTP_LISTEN, "HTTP_LISTEN")
    mail_settings.take_over_at_start()
    click.echo(f"Answerback web: {settings.BASE_URL}")
    say_where_to_begin()
    running.run({"web": server.serve})
