"""A sender is stopped (SIGSTOP) for longer than its leases while it is at a mail, another takes over, it goes on.

Each recipient is taken when it is tried for the first time and refused ever after: so what the sleeper hears, late, is
another word than its successor's, and whichever stands can be seen.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from email import message_from_bytes
from typing import Any

from tests.outbound.hop import STAGES
from tests.reliability.crew import QUICK, SENDERS, SESSIONS, Crew, wait_until
from tests.reliability.installation import Installation
from tests.reliability.outbox import Books, fill, in_a_thread

LEASE = 4  # seconds
PACE = 0.2  # seconds a mail, while somebody sleeps: there is mail under way all the time
LONGEST = 3 * LEASE  # for somebody who is stopped within a transaction and keeps all others out, on SQLite

HEARD = """
import json
from answerback.cli import start_django
start_django()
from django.db.models import F
from answerback.outbound.models import Attempt, DeliveryEvent
attempts = Attempt.objects.filter(delivery__recipient__endswith="@stopped.test").order_by("delivery_id", "number")
late = DeliveryEvent.objects.filter(fact__startswith="session", from_state=F("to_state"))
print(json.dumps({
    "last": dict(attempts.values_list("delivery__recipient", "outcome")),
    "late": late.filter(delivery__recipient__endswith="@stopped.test").count(),
}))
"""


@dataclass
class Stopped:
    """What came of it."""

    wanted: Sequence[str]
    books: Books
    stops: int = 0
    kept_out: int = 0  # stops within a transaction that nobody could work beside
    rows: list[dict[str, Any]] = field(default_factory=list)
    last: dict[str, str] = field(default_factory=dict)  # recipient -> the outcome of its last attempt
    late: int = 0  # words of somebody who had been overtaken


def stop_past_the_lease(installation: Installation, number: int, stops: int, seed: int = 1) -> Stopped:
    """`number` recipients are served, and so many times the sender of one of them is stopped at a stage of that mail.

    Three of four stops are outside of transactions, the fourth is wherever it happens to be.
    """
    chance = random.Random(seed)
    with in_a_thread(Books()) as books:
        ran = Stopped([f"ok-550+{one}@stopped.test" for one in range(number)], books)
        fill(installation, ran.wanted)
        with installation.nursery(RELAY_URL=books.url, LEASE=str(LEASE), **QUICK) as nursery:
            crew = Crew(nursery, SENDERS)
            for turn in range(stops):
                stage, anywhere = chance.choice(STAGES[:-1]), turn % 4 == 3
                sleeper = _stop_somebody(installation, books, stage, anywhere)
                ran.kept_out += not _is_taken_over(installation, sleeper)
                os.kill(sleeper, signal.SIGCONT)
                ran.stops += 1
                books.at = lambda stage, recipient: None
            ran.rows = crew.settled(ran.wanted)
            crew.stop()
    heard = json.loads(installation.runs(HEARD))
    ran.last, ran.late = heard["last"], heard["late"]
    return ran


def errors(ran: Stopped) -> list[str]:
    """What is lost, said by somebody who had been overtaken, or sent more often than a stop may cost."""
    found = []
    by_recipient = {row["recipient"]: row for row in ran.rows}
    if sorted(ran.wanted) != sorted(row["recipient"] for row in ran.rows):
        found.append("the deliveries are not those that were wanted")
    for recipient, row in by_recipient.items():
        copies, last = ran.books.copies(recipient), ran.last[recipient]
        if row["state"] != last:
            found.append(f"{recipient}: recorded as {row['state']}, its last attempt was {last}")
        if row["state"] == "accepted" and not any(copy.acknowledged for copy in copies):
            found.append(f"{recipient}: lost")
        if row["state"] == "failed" and (row["smtp_code"], row["enhanced_code"]) != (550, "5.1.1"):
            found.append(f"{recipient}: recorded as {row['smtp_code']} {row['enhanced_code']}")
        if row["attempts"] > 1 and not row["ambiguous"]:
            found.append(f"{recipient}: tried {row['attempts']} times, and not said to be so")
        if {message_from_bytes(copy.content)["Message-ID"] for copy in copies} - {row["message_id"]}:
            found.append(f"{recipient}: another Message-ID")
    if ran.late > SESSIONS * ran.stops:
        found.append(f"{ran.late} late words: more than the message that each session was at")
    return found


class _Held:
    """The hop stands still with one mail at a stage, until the block ends; then it takes its time for each mail."""

    def __init__(self, books: Books, stage: str) -> None:
        self._books, self._stage = books, stage
        self._reached, self._go_on = threading.Event(), threading.Event()
        self.recipient = ""

    def __enter__(self) -> _Held:
        self._books.at = self._hold
        wait_until(self._reached.is_set)
        return self

    def __exit__(self, *exc: object) -> None:
        self._books.at = self._take_time
        self._go_on.set()

    def _hold(self, stage: str, recipient: str) -> None:
        if stage == self._stage:
            self.recipient = recipient
            self._reached.set()
            self._go_on.wait()

    @staticmethod
    def _take_time(stage: str, recipient: str) -> None:
        if stage == "rcpt":
            time.sleep(PACE)


def _stop_somebody(installation: Installation, books: Books, stage: str, anywhere: bool) -> int:
    """Who is at a mail that has come so far. Not who carries what has been another's meanwhile."""
    while True:
        with _Held(books, stage) as held:
            if sender := _sender_of(installation, held.recipient):
                _stop(sender, installation, anywhere)
                return sender


def _sender_of(installation: Installation, recipient: str) -> int:
    """The process that has claimed it (outbound.owners); 0 where nobody has."""
    owner = installation.asks(f"SELECT owner FROM outbound_delivery WHERE recipient = '{recipient}'")[0][0]
    return int(owner.split(":")[2]) if owner else 0


def _stop(pid: int, installation: Installation, anywhere: bool) -> None:
    """Or else outside of transactions: who is stopped within one keeps everybody out for as long, on SQLite."""
    os.kill(pid, signal.SIGSTOP)
    while not anywhere and not _is_quiet(installation):
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.1)
        os.kill(pid, signal.SIGSTOP)


def _is_quiet(installation: Installation) -> bool:
    if installation.url.startswith("sqlite"):
        path = installation.url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(path, timeout=0.2, isolation_level=None)) as link:
            try:
                link.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return False
            return True
    busy = installation.asks(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'"
    )
    return busy == [(0,)]


def _is_taken_over(installation: Installation, sleeper: int) -> bool:
    """Once all its leases have been taken back. False where that does not come."""
    end = time.monotonic() + LONGEST
    while time.monotonic() < end:
        owners = installation.asks("SELECT DISTINCT owner FROM outbound_delivery WHERE state = 'sending'")
        if all(int(owner.split(":")[2]) != sleeper for (owner,) in owners):
            return True
        time.sleep(0.1)
    return False
