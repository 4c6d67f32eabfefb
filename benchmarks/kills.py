"""Long runs of what the tests of kills do in a minute: `python -m benchmarks.kills WHAT [--database URL]`.

`senders` kills one of two senders 200 times while 5,000 recipients are served, `stages` kills the senders 50 times at
each stage of a mail, `receiver` kills the receiver 100 times while 5,000 mails come by SMTP and 2,000 by IMAP. Prints
what went wrong, then one row of numbers, and ends with 1 where anything went wrong.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from tests.inbound.dovecot import running_dovecot
from tests.reliability import inbox, outbox
from tests.reliability.inbox import kill_receiver
from tests.reliability.installation import Installation, make_installation
from tests.reliability.killing import Ran, kill_at_random, kill_at_stages

SHOWN = 20  # errors


@click.command()
@click.argument("what", type=click.Choice(["senders", "stages", "receiver"]))
@click.option("--share", default=1.0, show_default=True, help="How much of the numbers above.")
@click.option("--database", default="", help="A PostgreSQL server instead of SQLite; gets a database of its own.")
def main(what: str, share: float, database: str) -> None:
    if database:
        os.environ |= {"ANSWERBACK_TEST_DATABASE": "postgresql", "ANSWERBACK_TEST_DATABASE_URL": database}
    began = time.monotonic()
    with TemporaryDirectory() as folder:
        installation = make_installation(Path(folder) / what)
        errors, told = RUNS[what](installation, share)
        errors += ["a traceback in the log"] if "Traceback" in installation.log.read_text() else []
    for error in errors[:SHOWN]:
        click.echo(error)
    told |= {"errors": len(errors), "seconds": round(time.monotonic() - began)}
    click.echo(f"| {' | '.join(told)} |\n{'|---' * len(told)}|\n| {' | '.join(map(str, told.values()))} |")
    sys.exit(bool(errors))


Told = tuple[list[str], dict[str, int]]  # what went wrong; column -> number


def _senders(installation: Installation, share: float) -> Told:
    return _sent(kill_at_random(installation, number=round(5000 * share), kills=round(200 * share)))


def _stages(installation: Installation, share: float) -> Told:
    return _sent(kill_at_stages(installation, times=round(50 * share)))


def _sent(ran: Ran) -> Told:
    errors = outbox.errors(ran.wanted, ran.books, ran.rows)
    again = outbox.told_again(ran.books)
    return errors, {"recipients": len(ran.wanted), "kills": ran.kills, "acknowledged and sent again": again}


def _receiver(installation: Installation, share: float) -> Told:
    with running_dovecot() as dovecot:
        mails, laid = round(5000 * share), round(2000 * share)
        box = kill_receiver(installation, mails, round(100 * share), dovecot, laid)
    unheard = len(box.stored) - laid - len(box.acknowledged)
    return inbox.errors(box), {"mails": mails + laid, "kills": box.kills, "stored but not told": unheard}


RUNS = {"senders": _senders, "stages": _stages, "receiver": _receiver}


if __name__ == "__main__":
    main()
