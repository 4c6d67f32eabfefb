"""What an empty installation says on the console: where its first administrator begins."""

from __future__ import annotations

from contextlib import suppress

import click
from django.db import DatabaseError

from answerback.people import first_account


def say_where_to_begin() -> None:
    """Only while nobody can sign in; without tables nobody is asked yet."""
    with suppress(DatabaseError):
        if first_account.is_awaited():
            click.echo(f"Nobody can sign in yet. To become the administrator, open {first_account.link()}")
