"""`answerback reindex`: the search index made anew, while everything else goes on. Broken off, it goes on later."""

from __future__ import annotations

import click

from answerback.search import catching_up


@click.command("reindex")
@click.option("--continue", "go_on", is_flag=True, help="Do only what is left of an earlier run.")
def command(go_on: bool) -> None:
    """Read all tickets and people into the search index again, the newest first."""
    if not go_on:
        catching_up.begin()
    total = catching_up.left()
    with click.progressbar(length=total, label="Tickets") as bar:
        while left := catching_up.left():
            catching_up.tickets(seconds=1.0)
            bar.update(left - catching_up.left())
    people = 0
    while read := catching_up.people(seconds=5.0):
        people += read
    click.echo(f"Up to ticket {total}, and {people} people, are in the search index.")
