"""Running senders through a queue while they are killed, or stopped and let go on.

Kills follow what the hop sees, not the clock: so many mails later, at a random instant of the next twentieth of a
second; or exactly when a mail has come as far as a stage. Two senders share the queue; what is killed is started again.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import psycopg

from tests.outbound.hop import STAGES
from tests.reliability.installation import PATIENCE, Installation, Nursery, ended, is_running
from tests.reliability.outbox import Books, fill, in_a_thread, is_settled, recipients

SENDER = ("worker", "deliver", "react", "tidy")
SENDERS = 2
SESSIONS = 4  # of each sender
QUICK = {"RETRY_SCHEDULE": "1,1,2", "SESSIONS_PER_DESTINATION": str(SESSIONS)}


@dataclass
class Ran:
    """What came of it."""

    wanted: Sequence[str]
    books: Books
    rows: list[dict[str, Any]]
    kills: int


class Crew:
    """Senders, each replaced when it dies."""

    def __init__(self, nursery: Nursery, size: int) -> None:
        self._nursery = nursery
        self._lock = threading.Lock()
        self.pids = [nursery.start(*SENDER) for _ in range(size)]
        self.kills = 0

    def kill(self, number: int) -> None:
        with self._lock:
            if is_running(self.pids[number]):
                os.kill(self.pids[number], signal.SIGKILL)
                self.kills += 1

    def kill_all(self) -> None:
        for number in range(len(self.pids)):
            self.kill(number)

    def replace_dead(self) -> None:
        for number, pid in enumerate(self.pids):
            if not is_running(pid):
                with self._lock:
                    self.pids[number] = self._nursery.start(*SENDER)

    def stop(self) -> None:
        for pid in self.pids:
            if is_running(pid):
                os.kill(pid, signal.SIGTERM)
        for pid in self.pids:
            ended(pid)


def kill_at_random(installation: Installation, number: int, kills: int, seed: int = 1) -> Ran:
    """`number` recipients go out while a sender is killed so many times."""
    chance = random.Random(seed)
    wanted = recipients(number, seed)
    with in_a_thread(Books()) as books:
        fill(installation, wanted)
        with installation.nursery(RELAY_URL=books.url, **QUICK) as nursery:
            crew = Crew(nursery, SENDERS)
            for _ in range(kills):
                _wait_for_mails(books, crew, chance.randint(1, max(1, 2 * number // kills)))
                time.sleep(chance.uniform(0, 0.05))
                crew.kill(chance.randrange(SENDERS))
            rows = _settled(nursery, crew, wanted)
            crew.stop()
    return Ran(wanted, books, rows, crew.kills)


def kill_at_stages(installation: Installation, times: int) -> Ran:
    """The senders are killed at each stage of a mail so many times."""
    doomed = [f"ok+{stage}.{number}@doomed.test" for number in range(times) for stage in STAGES]
    wanted = [*doomed, *recipients(len(doomed), domain="beside.test")]
    killed: set[str] = set()

    def strike(stage: str, recipient: str) -> None:
        if f"+{stage}." in recipient and recipient not in killed and any(map(is_running, crew.pids)):
            killed.add(recipient)
            crew.kill_all()
            raise ConnectionAbortedError

    with in_a_thread(Books()) as books:
        fill(installation, wanted)
        with installation.nursery(RELAY_URL=books.url, **QUICK) as nursery:
            crew = Crew(nursery, 1)
            books.at = strike
            rows = _settled(nursery, crew, wanted)
            crew.stop()
    assert killed == set(doomed)
    return Ran(wanted, books, rows, crew.kills)


@dataclass
class Slept:
    """One sender was stopped, another did its work. Then the first one went on."""

    ran: Ran
    in_flight: str  # whose mail had come, and was acknowledged while nobody listened
    rows_before: list[dict[str, Any]]  # when it was let go on
    kept_before: int


def stop_past_the_lease(installation: Installation, number: int) -> Slept:
    """A sender that is stopped in the middle of its sessions until all is done without it, and then goes on."""
    wanted = [f"ok-550+{one}@stopped.test" for one in range(number)]
    asleep = threading.Event()

    def hold(stage: str, recipient: str) -> None:
        if stage == "kept" and len(books.kept) == number // 3:
            assert asleep.wait(PATIENCE)

    with in_a_thread(Books()) as books:
        books.at = hold
        fill(installation, wanted)
        with installation.nursery(RELAY_URL=books.url, LEASE="2", **QUICK) as nursery:
            sleeper = nursery.start("worker", "deliver")
            _wait_until(lambda: len(books.kept) >= number // 3)
            _stop_outside_of_transactions(sleeper, installation)
            asleep.set()
            crew = Crew(nursery, 1)
            before, kept = _settled(nursery, crew, wanted), len(books.kept)
            os.kill(sleeper, signal.SIGCONT)
            time.sleep(1)  # to say what it had heard, and to do wrong
            os.kill(sleeper, signal.SIGTERM)
            ended(sleeper)
            crew.stop()
            rows = _rows(nursery, wanted)
    return Slept(Ran(wanted, books, rows, 0), books.kept[number // 3 - 1].rcpt_to, before, kept)


def _stop_outside_of_transactions(pid: int, installation: Installation) -> None:
    """Who is stopped within one keeps everybody out for as long, on SQLite; that is another story."""
    while True:
        time.sleep(0.2)
        os.kill(pid, signal.SIGSTOP)
        if _is_quiet(installation):
            return
        os.kill(pid, signal.SIGCONT)


def _is_quiet(installation: Installation) -> bool:
    if installation.url.startswith("sqlite"):
        path = installation.url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(path, timeout=0.2, isolation_level=None)) as link:
            try:
                link.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return False
            return True
    with psycopg.connect(installation.url) as connection:
        busy = connection.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'"
        ).fetchone()
    return busy == (0,)


def _wait_for_mails(books: Books, crew: Crew, more: int) -> None:
    """Until so many more were tried, or nothing is left to try."""
    seen, last, end = books.tried.total(), -1, time.monotonic() + 3
    while books.tried.total() < seen + more and time.monotonic() < end:
        crew.replace_dead()
        if books.tried.total() != last:
            last, end = books.tried.total(), time.monotonic() + 3
        time.sleep(0.005)


def _rows(nursery: Nursery, wanted: Sequence[str]) -> list[dict[str, Any]]:
    addresses = set(wanted)
    return [row for row in nursery.prints("deliveries", "--jsonl") if row["recipient"] in addresses]


def _settled(nursery: Nursery, crew: Crew, wanted: Sequence[str]) -> list[dict[str, Any]]:
    """The deliveries, once none is open."""
    waiting, end = -1, time.monotonic() + PATIENCE
    while time.monotonic() < end:
        crew.replace_dead()
        rows = _rows(nursery, wanted)
        still_open = [row for row in rows if not is_settled(row)]
        if not still_open:
            return rows
        if len(still_open) != waiting:
            waiting, end = len(still_open), time.monotonic() + PATIENCE
        time.sleep(0.2)
    raise AssertionError(f"still open: {still_open[:5]}")


def _wait_until(condition: Any) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)
