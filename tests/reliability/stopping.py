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
from itertools import pairwise
from typing import Any

from tests.outbound.hop import STAGES
from tests.reliability.crew import QUICK, SENDERS, SESSIONS, Crew, wait_until
from tests.reliability.installation import Installation
from tests.reliability.outbox import FINAL, Books, fill, in_a_thread

LEASE = 4  # seconds
PACE = 0.1  # seconds a mail, while somebody sleeps: there is mail under way all the time
LONGEST = 5 * LEASE  # for somebody who is stopped within a transaction and keeps all others out, on SQLite

ATTEMPTS = """
import json
from answerback.cli import start_django
start_django()
from answerback.outbound.models import Attempt
attempts = Attempt.objects.filter(delivery__recipient__endswith="@stopped.test").order_by("delivery_id", "number")
print(json.dumps([
    (recipient, outcome, began.timestamp(), ended.timestamp() if ended else None)
    for recipient, outcome, began, ended
    in attempts.values_list("delivery__recipient", "outcome", "started_at", "finished_at")
]))
"""


@dataclass
class Stopped:
    """What came of it. Of each recipient the attempts in their order: outcome, beginning, end."""

    wanted: Sequence[str]
    books: Books
    stops: int = 0
    kept_out: int = 0  # stops within a transaction that nobody could work beside
    rows: list[dict[str, Any]] = field(default_factory=list)
    attempts: dict[str, list[tuple[str, float, float | None]]] = field(default_factory=dict)

    @property
    def late_words(self) -> int:
        """Outcomes of attempts that came when the next one had begun."""
        return sum(
            bool(end and end > following[1])
            for attempts in self.attempts.values()
            for (_, _, end), following in pairwise(attempts)
        )


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
            for number in range(stops):
                with _Held(books, chance.choice(STAGES[:-1])) as held:
                    sleeper = _sender_of(installation, held.recipient)
                    _stop(sleeper, installation, anywhere=number % 4 == 3)
                ran.kept_out += not _is_taken_over(installation, held.recipient)
                os.kill(sleeper, signal.SIGCONT)
                ran.stops += 1
                books.at = lambda stage, recipient: None
            ran.rows = crew.settled(ran.wanted)
            crew.stop()
    for recipient, *attempt in json.loads(installation.runs(ATTEMPTS)):
        ran.attempts.setdefault(recipient, []).append((attempt[0], attempt[1], attempt[2]))
    return ran


def errors(ran: Stopped) -> list[str]:
    """What is lost, said by somebody who had been overtaken, or sent more often than a stop may cost."""
    found = []
    by_recipient = {row["recipient"]: row for row in ran.rows}
    if sorted(ran.wanted) != sorted(row["recipient"] for row in ran.rows):
        found.append("the deliveries are not those that were wanted")
    for recipient, row in by_recipient.items():
        copies, last = ran.books.copies(recipient), ran.attempts[recipient][-1][0]
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
    if ran.late_words > SESSIONS * ran.stops:
        found.append(f"{ran.late_words} late words: more than the message that each session was at")
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


def _sender_of(installation: Installation, recipient: str) -> int:
    """The process that has claimed it (outbound.owners)."""
    found = installation.asks(f"SELECT owner FROM outbound_delivery WHERE recipient = '{recipient}'")
    return int(found[0][0].split(":")[2])


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


def _is_taken_over(installation: Installation, recipient: str) -> bool:
    """Once somebody else has settled it. False where that does not come."""
    question = f"SELECT state FROM outbound_delivery WHERE recipient = '{recipient}'"
    end = time.monotonic() + LONGEST
    while time.monotonic() < end:
        if installation.asks(question)[0][0] in FINAL.values():
            return True
        time.sleep(0.1)
    return False
