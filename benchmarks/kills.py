"""Long runs of what the tests of kills do in a minute: `python -m benchmarks.kills WHAT [--postgresql]`.

`senders` kills one of two senders 200 times while 5,000 recipients are served, `stages` kills the senders 50 times at
each stage of a mail, `stops` stops one of two senders 30 times for longer than its leases, `restarts` restarts
PostgreSQL 20 times under two senders, `disk` fills a small disk 10 times below senders and receiver, `faults` lets each
of the first 200 writes and 40 syncs of a sender and of a receiver fail in two ways, `receiver` kills the receiver 100
times while 5,000 mails come by SMTP and 2,000 by IMAP. Prints what went wrong, then one row of numbers, and ends with 1
where anything went wrong.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from tests.inbound.dovecot import running_dovecot
from tests.reliability import faults, full_disk, inbox, outbox, stopping
from tests.reliability.crew import Ran
from tests.reliability.full_disk import Small, fill_disk, small_disk
from tests.reliability.inbox import kill_receiver
from tests.reliability.installation import Installation, make_installation
from tests.reliability.killing import kill_at_random, kill_at_stages
from tests.reliability.restarting import restart_database
from tests.reliability.stopping import stop_past_the_lease

from answerback.cli.throwaway_postgres import Server, throwaway_postgres

SHOWN = 20  # errors
SQLITE_ONLY = ("disk", "faults")  # a server's files are its own


@dataclass
class Place:
    installation: Installation
    server: Server | None
    disk: Small | None


Told = tuple[list[str], dict[str, int | float]]  # what went wrong; column -> number


def _senders(place: Place, share: float) -> Told:
    return _sent(kill_at_random(place.installation, number=round(5000 * share), kills=round(200 * share)))


def _stages(place: Place, share: float) -> Told:
    return _sent(kill_at_stages(place.installation, times=round(50 * share)))


def _restarts(place: Place, share: float) -> Told:
    assert place.server
    number, times = round(2000 * share), round(20 * share)
    return _sent(restart_database(place.installation, place.server.restart, number, times))


def _sent(ran: Ran) -> Told:
    errors = outbox.errors(ran.wanted, ran.books, ran.rows)
    again = outbox.told_again(ran.books)
    return errors, {"recipients": len(ran.wanted), "blows": ran.blows, "acknowledged and sent again": again}


def _stops(place: Place, share: float) -> Told:
    ran = stop_past_the_lease(place.installation, number=round(3000 * share), stops=round(30 * share))
    return stopping.errors(ran), {
        "recipients": len(ran.wanted),
        "stops": ran.stops,
        "that kept everybody out": ran.kept_out,
        "late words": ran.late,
        "acknowledged and sent again": outbox.told_again(ran.books),
    }


def _disk(place: Place, share: float) -> Told:
    assert place.disk
    ran = fill_disk(place.installation, place.disk, number=round(2000 * share), times=round(10 * share))
    errors = outbox.errors(ran.wanted, ran.books, ran.rows) + inbox.errors(ran.inbox) + _torn(place)
    return errors, {
        "recipients": len(ran.wanted),
        "mails in": len(ran.inbox.acknowledged),
        "times full": ran.times,
        "sent on then": ran.went_on,
        "452 said": ran.inbox.refused[full_disk.NOT_NOW],
        "most seconds until it went on": round(ran.slowest, 1),
        "acknowledged and sent again": outbox.told_again(ran.books),
    }


def _faults(place: Place, share: float) -> Told:
    chosen = faults.faults(writes=round(200 * share), syncs=round(40 * share))
    out, into = faults.fail_sender(place.installation, chosen), faults.fail_receiver(place.installation, chosen)
    errors = outbox.errors(out.wanted, out.books, out.rows) + inbox.errors(into.inbox) + _torn(place)
    return errors, {
        "recipients": len(out.wanted),
        "faults of the sender": out.happened,
        "acknowledged and sent again": outbox.told_again(out.books),
        "mails in": len(into.inbox.acknowledged),
        "faults of the receiver": into.happened,
        "4xx said": into.inbox.refused.total(),
    }


def _torn(place: Place) -> list[str]:
    """What SQLite finds broken in its file."""
    return [str(found) for (found,) in place.installation.asks("PRAGMA integrity_check") if found != "ok"]


def _receiver(place: Place, share: float) -> Told:
    with running_dovecot() as dovecot:
        mails, laid = round(5000 * share), round(2000 * share)
        box = kill_receiver(place.installation, mails, round(100 * share), dovecot, laid)
    unheard = len(box.stored) - laid - len(box.acknowledged)
    return inbox.errors(box), {"mails": mails + laid, "kills": box.kills, "stored but not told": unheard}


RUNS = {
    "senders": _senders,
    "stages": _stages,
    "stops": _stops,
    "restarts": _restarts,
    "disk": _disk,
    "faults": _faults,
    "receiver": _receiver,
}


@click.command()
@click.argument("what", type=click.Choice(list(RUNS)))
@click.option("--share", default=1.0, show_default=True, help="How much of the numbers above.")
@click.option("--postgresql", is_flag=True, help="On a PostgreSQL server of its own instead of SQLite.")
def main(what: str, share: float, postgresql: bool) -> None:
    if postgresql and what in SQLITE_ONLY:
        raise click.UsageError(f"{what} is about SQLite.")
    began = time.monotonic()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory())) / what
        server = stack.enter_context(throwaway_postgres()) if postgresql or what == "restarts" else None
        if server:
            os.environ |= {"ANSWERBACK_TEST_DATABASE": "postgresql", "ANSWERBACK_TEST_DATABASE_URL": server.url}
        disk = stack.enter_context(small_disk(folder / "data")) if what == "disk" else None
        place = Place(make_installation(folder), server, disk)
        errors, told = RUNS[what](place, share)
        errors += ["a traceback in the log"] if "Traceback" in place.installation.log.read_text() else []
    for error in errors[:SHOWN]:
        click.echo(error)
    told |= {"errors": len(errors), "seconds": round(time.monotonic() - began)}
    click.echo(f"| {' | '.join(told)} |\n{'|---' * len(told)}|\n| {' | '.join(map(str, told.values()))} |")
    sys.exit(bool(errors))


if __name__ == "__main__":
    main()
