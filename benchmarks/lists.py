"""Pages at many tickets against the same pages at a thousand: `python -m benchmarks.lists --data DIR [--tickets N]`.

Asks for whole pages as a browser does, without the network: views, their second page, tickets, the left column. Goal:
p95 at most twice that at 1,000 tickets. DIR should be new: the desk is measured at 1,000 tickets first, then filled.
"""

from __future__ import annotations

import platform
import random
import re
from collections.abc import Callable
from pathlib import Path

import click
from benchmarks import large_desk
from benchmarks.search import _p95, _times, _versions

SMALL = 1000
VIEWS = ("undelivered", "my-open", "unassigned", "open", "solved", "trying", "undelivered-automatic", "failures")


@click.command()
@click.option("--data", type=click.Path(path_type=Path), required=True)
@click.option("--tickets", default=200_000, show_default=True)
@click.option("--database", default="", help="A PostgreSQL database instead of SQLite.")
@click.option("--rounds", default=20, show_default=True)
def main(data: Path, tickets: int, database: str, rounds: int) -> None:
    large_desk.open_desk(data, database)
    large_desk.fill(SMALL)
    small = _measure(rounds)
    large_desk.fill(tickets)
    large = _measure(rounds)
    click.echo(f"{tickets} tickets, {_versions()}, {platform.machine()}, Python {platform.python_version()}\n")
    click.echo(f"| page | p95 at {SMALL} | p95 at {tickets} | ratio |\n|---|---|---|---|")
    for name, before in small.items():
        click.echo(f"| {name} | {before:.1f} ms | {large[name]:.1f} ms | {large[name] / before:.2f} |")


def _measure(rounds: int) -> dict[str, float]:
    """p95 by page."""
    from django.test import Client

    from answerback.people.models import Account
    from answerback.tickets.models import Ticket

    client = Client()
    client.force_login(Account.objects.get(email="ada@acme.test"))
    ids = random.Random(1).sample(range(1, Ticket.objects.count()), 20)

    def get(url: str) -> Callable[[], object]:
        return lambda: client.get(url)

    pages = {f"view {key}": get(f"/views/{key}") for key in VIEWS}
    following = re.search(r"rel=\"next\" href=\"([^\"]*)\"", client.get("/views/open").text)
    if following:
        pages["view open, second page"] = get(following[1].replace("&amp;", "&"))
    tickets = iter(ids * 100)
    pages["ticket"] = lambda: client.get(f"/tickets/{next(tickets)}")
    pages["left column"] = get("/frame/views?at=/")
    pages["search, common word"] = get("/search?q=printer")
    return {name: _p95(_times(work, rounds)) for name, work in pages.items()}


if __name__ == "__main__":
    main()
