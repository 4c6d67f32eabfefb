"""Search at a million tickets: `python -m benchmarks.search --data DIR [--tickets N] [--database URL]`.

Times the pages of searches that find few, some and half of all tickets, newest first and otherwise, the first page and
one from the middle. A desk that is in DIR (or the database) already is filled up and used again. Goal: newest first,
p95 of at most 5 ms in SQLite and 20 ms in PostgreSQL.
"""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import click
from benchmarks import large_desk

QUERIES = {
    "rare word": "zanzibar",
    "1 of 100": "invoice",
    "1 of 2": "printer",
    "two words": "printer invoice",
    "common, without a word": "printer -invoice",
    "beginning of a word": "invo*",
    "address": "p77@customer77.test",
    "domain": "@customer77.test",
    "no such word": "qqqqqqq",
    "word and status": "printer status<solved",
    "word and requester": "printer requester:p77@customer77.test",
    "word, last updated first": "printer order_by:updated",
    "word, best first": "printer order_by:relevance",
    "code": "code:5.2.2",
    "tag": "tags:tag77",
}


@click.command()
@click.option("--data", type=click.Path(path_type=Path), required=True, help="Where the desk lies.")
@click.option("--tickets", default=200_000, show_default=True)
@click.option("--database", default="", help="A PostgreSQL database instead of SQLite.")
@click.option("--rounds", default=30, show_default=True)
def main(data: Path, tickets: int, database: str, rounds: int) -> None:
    large_desk.open_desk(data, database)
    large_desk.fill(tickets)
    click.echo(f"{tickets} tickets, {_versions()}, {platform.machine()}, Python {platform.python_version()}\n")
    click.echo("| search | found | which tickets, p95 | page, median | page, p95 | page from the middle, p95 |")
    click.echo("|---|---|---|---|---|---|")
    for name, text in QUERIES.items():
        _row(name, text, rounds)


def _row(name: str, text: str, rounds: int) -> None:
    from django.db.models import Q

    from answerback.search import find, query

    search = query.parse(text, None)

    def page(after: str = "") -> find.Page:
        again = query.parse(text, None)
        return find.page(again, again.order, again.descending, after=after)

    mark = page().after
    for _ in range(40):
        if not (following := page(mark).after if mark else ""):
            break
        mark = following
    alone = _times(lambda: _ids(text), rounds) if search.terms and search.where == Q() else []
    first, middle = _times(page, rounds), _times(lambda: page(mark), rounds) if mark else []
    found = find.count(search, 999)
    shown = f"{_p95(middle):.1f} ms" if middle else "–"
    more = "more than 999" if found > 999 else str(found)
    ids = f"{_p95(alone):.1f} ms" if alone else "–"
    page_times = f"{statistics.median(first):.1f} ms | {_p95(first):.1f} ms"
    click.echo(f"| {name}: `{text}` | {more} | {ids} | {page_times} | {shown} |")


def _ids(text: str) -> list[int]:
    """The newest fifty that have the words, without what the page shows of them."""
    from answerback.search import index, query
    from answerback.search.keys import settled

    return index.tickets().hits(settled(query.parse(text, None).terms, index.tickets()), 51)


def _times(work: Callable[[], object], rounds: int) -> list[float]:
    work()
    found = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        found.append((time.perf_counter() - start) * 1000)
    return found


def _p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1]


def _versions() -> str:
    from django.db import connection

    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT 'SQLite ' || sqlite_version()")
        else:
            cursor.execute("SHOW server_version")
        return f"{'' if connection.vendor == 'sqlite' else 'PostgreSQL '}{cursor.fetchone()[0]}"


if __name__ == "__main__":
    main()
