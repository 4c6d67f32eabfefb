"""`answerback receive-pipe`: one raw message on stdin, for the pipe transport of a mail server."""

from __future__ import annotations

import os
import sys

import click
from django.conf import settings
from django.db import DatabaseError

from answerback.core import mail_settings
from answerback.inbound import pipe


@click.command("receive-pipe")
@click.option("--envelope-from", default="", help="The reverse-path, MAIL FROM; empty or <> for reports.")
@click.option("--envelope-to", multiple=True, help="The recipient, RCPT TO; may be repeated.")
def command(envelope_from: str, envelope_to: tuple[str, ...]) -> None:
    """Store one raw message from stdin. Exit code 0 only once it is stored, 75 to try again later, 69 if too big."""
    mail_settings.take_over_at_start()
    content = sys.stdin.buffer.read(settings.MAX_MESSAGE_SIZE + 1)
    if len(content) > settings.MAX_MESSAGE_SIZE:
        click.echo(f"5.3.4 Message bigger than {settings.MAX_MESSAGE_SIZE} octets", err=True)
        sys.exit(os.EX_UNAVAILABLE)
    try:
        pipe.receive(content, envelope_from, envelope_to)
    except (OSError, DatabaseError, ValueError) as error:
        click.echo(f"4.3.1 The message cannot be stored now: {error}", err=True)
        sys.exit(os.EX_TEMPFAIL)
