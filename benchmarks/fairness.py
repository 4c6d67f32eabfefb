"""Ten destinations, three of them hanging: `python -m benchmarks.fairness [--rounds N] [--mails N] [--database URL]`.

Mail for ten domains comes in evenly, the engine carries it straight to their servers on the loopback. In every other
round three of the servers take connections and say nothing. What is measured is the time from the commit of a mail to
the stored acceptance, of the seven domains that are healthy in both kinds of round; rounds of both kinds alternate, so
that whatever else the machine does meets both, after one that warms up. Goal: their p95 at most doubles. Prints a row
for each round, and the ratio of the medians of the p95s.
"""

from __future__ import annotations

import asyncio
import logging
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from benchmarks.large_desk import open_desk

HEALTHY = [f"healthy{number}" for number in range(7)]
HANGING = [f"hanging{number}" for number in range(3)]  # before the healthy ones in the order of the queue
PAUSE = 0.05  # seconds between two mails


@click.command()
@click.option("--rounds", default=3, show_default=True, help="Of each kind.")
@click.option("--mails", default=40, show_default=True, help="For each domain in a round.")
@click.option("--database", default="", help="A PostgreSQL database instead of SQLite.")
def main(rounds: int, mails: int, database: str) -> None:
    with TemporaryDirectory() as folder:
        open_desk(Path(folder), database)
        logging.disable(logging.INFO)
        measured = asyncio.run(_measure(rounds, mails))
    click.echo("| round | three hang | mails | median | p95 | worst |\n|---|---|---|---|---|---|")
    for number, (hang, waits) in enumerate(measured):
        figures = [statistics.median(waits), _p95(waits), max(waits)]
        shown = " | ".join(f"{figure * 1000:.0f} ms" for figure in figures)
        click.echo(f"| {number} | {'yes' if hang else 'no'} | {len(waits)} | {shown} |")
    calm, disturbed = (
        statistics.median(_p95(waits) for hang, waits in measured if hang is kind) for kind in (False, True)
    )
    click.echo(f"\np95 {calm * 1000:.0f} ms undisturbed, {disturbed * 1000:.0f} ms beside three that hang: ", nl=False)
    click.echo(f"{disturbed / calm:.2f} times")


def _p95(waits: Sequence[float]) -> float:
    return statistics.quantiles(waits, n=20)[-1]


async def _measure(rounds: int, mails: int) -> list[tuple[bool, list[float]]]:
    """Whether three hung, and the seconds of each mail to a healthy domain, for each round."""
    from asgiref.sync import sync_to_async
    from django.conf import settings
    from tests.mailroom.smtp.scripted_server import NameServer
    from tests.outbound.hop import Hop

    names = [*HANGING, *HEALTHY]
    addresses = {name: f"127.0.0.{number + 2}" for number, name in enumerate(names)}
    labels = [("warm", False), *((f"r{number}", number % 2 == 1) for number in range(2 * rounds))]
    zone: dict[str, dict[str, list[str]]] = {f"mx.{name}.test": {"A": [addresses[name]]} for name in names}
    zone |= {f"{name}.{label}.test": {"MX": [f"10 mx.{name}.test."]} for label, _ in labels for name in names}
    put = await sync_to_async(_writer)()
    measured = []
    async with Hop(addresses=list(addresses.values())) as hop, NameServer(zone) as resolver:
        settings.RELAY_URL, settings.RESOLVER = f"mx:{hop.port}?tls=none", resolver.address
        for label, hang in labels:
            hop.silent = [addresses[name] for name in HANGING] if hang else []
            measured.append((hang, await _round([f"{name}.{label}.test" for name in names], mails, put)))
    return measured[1:]


async def _round(domains: Sequence[str], mails: int, put: Callable[[str], object]) -> list[float]:
    from asgiref.sync import sync_to_async

    from answerback.outbound.engine import Engine

    engine, stop = Engine(), asyncio.Event()
    sending = asyncio.create_task(engine.run(stop))
    for number in range(mails):
        for domain in domains:
            await sync_to_async(put)(f"ok+{number}@{domain}")
            engine.wake()
            await asyncio.sleep(PAUSE)
    healthy = [domain for domain in domains if domain.startswith("healthy")]
    while len(waits := await sync_to_async(_waits)(healthy)) < len(healthy) * mails:
        await asyncio.sleep(0.2)
    stop.set()
    await sending
    await sync_to_async(_drop)(domains)
    return waits


def _writer() -> Callable[[str], object]:
    """Puts an answer to an address into the queue, on one ticket."""
    from tests.outbound.conftest import make_ticket, make_world, notification

    from answerback.people import identities

    world = make_world()
    ticket = make_ticket(world)
    return lambda address: notification(world, ticket, [identities.find_or_create(address, address, "en").person])


def _waits(domains: Sequence[str]) -> list[float]:
    from answerback.outbound.models import Attempt

    taken = Attempt.objects.filter(outcome="accepted", delivery__destination__in=domains).select_related("delivery")
    return [(row.finished_at - row.delivery.queued_at).total_seconds() for row in taken if row.finished_at]


def _drop(domains: Sequence[str]) -> None:
    """What hung does not come again in the next round."""
    from answerback.outbound.models import Delivery

    Delivery.objects.filter(destination__in=domains, next_attempt_at__isnull=False).delete()


if __name__ == "__main__":
    main()
