"""`answerback migrate`: bring the database up to date. Safe to repeat, and with a full queue."""

from __future__ import annotations

import click
from django.core.management import call_command
from django.db import DatabaseError

from answerback.core import mail_settings
from answerback.desk.running_rules import defaults
from answerback.outbound import dkim_keys
from answerback.rules import webhooks


@click.command("migrate")
def command() -> None:
    """Create or update the tables, and what a new installation starts with."""
    migrate()
    click.echo("The database is up to date.")


def migrate(verbosity: int = 0) -> None:
    """ClickException with one line where the database cannot be reached."""
    try:
        call_command("migrate", interactive=False, verbosity=verbosity)
        defaults.install()
        mail_settings.seal_anew()
        webhooks.seal_anew()
        dkim_keys.seal_anew()
        mail_settings.take_over()
    except DatabaseError as error:
        raise click.ClickException(f"The database cannot be used: {str(error).splitlines()[0]}") from None
