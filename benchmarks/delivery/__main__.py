"""How fast mail leaves and comes in, beside others: `python -m benchmarks.delivery [--rounds N] [--only NAME …]`.

Five comparisons, each with an anchor that every other figure of its round is divided by:

* **transport**: our SMTP client alone and aiosmtplib's, against Postfix's `smtp-source -d`; ten connections to its
  `smtp-sink`;
* **small**, **large**: the whole way of mails of 4 and 60 KB from the moment they are written to the outbox until every
  outcome is stored, by a process that writes and one that delivers, on SQLite and PostgreSQL, unsigned and signed;
  against a Postfix tuned for speed (`anchors.TUNED`), from the first SMTP session in to the last "sent" in its log,
  over as many connections as ours, and beside django-post_office on SQLite with five threads. We write twenty mails
  in one transaction; beside it stand the ten connections that are usual with us, and one mail in a transaction;
* **recording**: the same of mail that waits already, against our client alone;
* **inbound**: our SMTP server, which says 250 after the commit, against aiosmtpd, which stores nothing.

Contenders take turns in every round, because the machine is never alone, and another one begins each time, because what
one leaves for the disk to do the next one feels. Each of ours has a database of its own. Beside the rate stands the
processor time of a mail, of all processes that carry it (database server included, load generator and sink not). Ratios
above 1 are better than the anchor's. Needs Postfix's programs, and root for its server; the other libraries are fetched
into a throw-away environment. Prints a table for docs/performance.md.
"""

from __future__ import annotations

import os
import platform
import statistics
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from benchmarks.delivery import anchors, peers
from benchmarks.delivery.ours import Desk, Sign, Way
from benchmarks.delivery.spent import Spent

from answerback.cli.throwaway_postgres import throwaway_postgres

SMALL, LARGE = 4_096, 61_440  # octets
OTHER_WAYS = ((10, 20), (10, 1))  # connections, mails written at a time
COMPARISONS = ("transport", "small", "large", "recording", "inbound")

Contender = Callable[[int], Spent]  # mails to carry -> what it took


@dataclass(frozen=True)
class Comparison:
    """What takes part by name, the anchor first."""

    title: str
    mails: int
    contenders: Mapping[str, Contender]


@click.command()
@click.option("--rounds", default=5, show_default=True)
@click.option("--mails", default=2000, show_default=True, help="In a whole way of small mail; the others by share.")
@click.option("--only", multiple=True, type=click.Choice(COMPARISONS))
@click.option("--postgresql/--no-postgresql", default=True, show_default=True)
def main(rounds: int, mails: int, only: Sequence[str], postgresql: bool) -> None:
    click.echo(f"{_machine()}\n")
    with ExitStack() as running:
        folder = Path(running.enter_context(TemporaryDirectory(prefix="answerback-benchmark-", dir="/var/tmp")))
        desks = {"SQLite": Desk(folder / "desk", "")}
        if postgresql:
            desks["PostgreSQL"] = Desk(folder / "desk-pg", running.enter_context(throwaway_postgres()).url)
        for comparison in _comparisons(only or COMPARISONS, mails, folder, desks, running):
            click.echo(_table(comparison, _measure(comparison, rounds)))


def _machine() -> str:
    load = " ".join(f"{figure:.1f}" for figure in os.getloadavg())
    return (
        f"{datetime.now(UTC):%d %B %Y}, {platform.machine()}, {os.cpu_count()} processors, load {load}, "
        f"Python {platform.python_version()}, Postfix {anchors.postfix_version()}"
    )


def _comparisons(
    names: Sequence[str], mails: int, folder: Path, desks: Mapping[str, Desk], running: ExitStack
) -> list[Comparison]:
    sink = running.enter_context(anchors.sink())
    for desk in desks.values():
        desk.prepare(sink)
    venv = peers.environment(folder / "peers")
    postfix = running.enter_context(anchors.postfix(folder / "postfix", sink))
    made: dict[str, Callable[[], Comparison]] = {
        "transport": lambda: _transport(sink, mails, desks["SQLite"], venv),
        "small": lambda: _whole_way("4 KB", SMALL, mails, desks, sink, venv, postfix),
        "large": lambda: _whole_way("60 KB", LARGE, mails // 4, desks, sink, venv, postfix),
        "recording": lambda: _recording(sink, mails, desks),
        "inbound": lambda: _inbound(mails, desks, venv),
    }
    return [made[name]() for name in names]


def _transport(sink: int, mails: int, desk: Desk, venv: peers.Environment) -> Comparison:
    return Comparison(
        "transport alone, 4 KB, 10 connections",
        mails * 5,
        {
            "smtp-source -d": lambda count: anchors.smtp_source(sink, count, SMALL),
            "Answerback": lambda count: desk.transport(sink, count, SMALL),
            "aiosmtplib": lambda count: venv.run("aiosmtplib_client.py", sink, count // 5, SMALL),
        },
    )


def _whole_way(
    title: str,
    size: int,
    mails: int,
    desks: Mapping[str, Desk],
    sink: int,
    venv: peers.Environment,
    postfix: anchors.Postfix,
) -> Comparison:
    contenders: dict[str, Contender] = {"Postfix, tuned": lambda count: postfix.carry(count, size)}
    for database, desk in desks.items():
        for sign in Sign:
            contenders[f"Answerback, {database}, {sign.value}"] = _carrying(desk.another(), size, Way(sign))
    for sessions, together in OTHER_WAYS:
        name = f"Answerback, SQLite, {sessions} connections, {together} written at a time"
        way = Way(Sign.UNSIGNED, sessions, together)
        contenders[name] = _carrying(desks["SQLite"].another(), size, way)
    contenders["django-post_office, SQLite"] = lambda count: venv.run("post_office_queue.py", sink, count // 2, size)
    return Comparison(f"from the outbox to a stored outcome, {title}", mails, contenders)


def _carrying(desk: Desk, size: int, way: Way) -> Contender:
    return lambda count: desk.carry(count, size, way)


def _recording(sink: int, mails: int, desks: Mapping[str, Desk]) -> Comparison:
    contenders: dict[str, Contender] = {"transport alone": lambda count: desks["SQLite"].transport(sink, count, SMALL)}
    for database, desk in desks.items():
        contenders[f"with every outcome stored, {database}"] = _draining(desk)
    return Comparison("delivering what waits, 4 KB, unsigned", mails * 2, contenders)


def _draining(desk: Desk) -> Contender:
    return lambda count: desk.drain(count, SMALL)


def _inbound(mails: int, desks: Mapping[str, Desk], venv: peers.Environment) -> Comparison:
    contenders: dict[str, Contender] = {
        "aiosmtpd, stores nothing": lambda count: venv.serve("aiosmtpd_server.py", lambda port: _feed(port, count))
    }
    for database, desk in desks.items():
        contenders[f"Answerback, 250 after the commit, {database}"] = _receiving(desk)
    return Comparison("mail in, 4 KB, 20 connections", mails, contenders)


def _receiving(desk: Desk) -> Contender:
    return lambda count: desk.receive(lambda port: _feed(port, count))


def _feed(port: int, count: int) -> Spent:
    return anchors.smtp_source(port, count, SMALL, connections=20, recipient="support@acme.test")


def _measure(comparison: Comparison, rounds: int) -> Mapping[str, Sequence[Spent]]:
    found: dict[str, list[Spent]] = {name: [] for name in comparison.contenders}
    order = deque(comparison.contenders.items())
    for _ in range(rounds):
        for name, carry in order:
            found[name].append(carry(comparison.mails))
        order.rotate()
    return found


def _table(comparison: Comparison, found: Mapping[str, Sequence[Spent]]) -> str:
    """Figures are medians; ratios are formed within each round: their median and the worst of them."""
    anchor = next(iter(found.values()))
    lines = [f"| {comparison.title} | mails/s | ratio | worst | CPU per mail | ratio | worst |", "|---" * 7 + "|"]
    for name, spent in found.items():
        faster = [one.rate / base.rate for one, base in zip(spent, anchor, strict=True)]
        cheaper = [base.per_mail / one.per_mail for one, base in zip(spent, anchor, strict=True)]
        rate, per_mail = statistics.median(one.rate for one in spent), statistics.median(one.per_mail for one in spent)
        lines.append(f"| {name} | {rate:,.0f} | {_ratios(faster)} | {per_mail:,.0f} µs | {_ratios(cheaper)} |")
    return "\n".join(lines) + f"\n\n{len(anchor)} rounds of {comparison.mails} mails, load {os.getloadavg()[0]:.1f}\n"


def _ratios(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.2f} | {min(values):.2f}"


if __name__ == "__main__":
    main()
