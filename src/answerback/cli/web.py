"""`answerback web`: only the pages and the API, for sites with several machines."""

from __future__ import annotations

import click
from django.conf import settings

from answerback import checks
from answerback.cli import running
from answerback.core import mail_settings
from answerback.server import run as server


@click.command("web")
def command() -> None:
    """Answer HTTP until Ctrl-C or SIGTERM."""
    checks.check_port(settings.HTTP_LISTEN, "HTTP_LISTEN")
    mail_settings.take_over_at_start()
    click.echo(f"Answerback web: {settings.BASE_URL}")
    running.run({"web": server.serve})
