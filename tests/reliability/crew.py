"""Senders on one queue: what is killed is started again, and what became of the mail is told once all is settled."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.reliability.installation import PATIENCE, Nursery, ended, is_running
from tests.reliability.outbox import Books, is_settled

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
    blows: int


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

    def settled(self, wanted: Sequence[str]) -> list[dict[str, Any]]:
        """The deliveries to these recipients, once none is open."""
        addresses = set(wanted)
        waiting, end = -1, time.monotonic() + PATIENCE
        while time.monotonic() < end:
            self.replace_dead()
            rows = [row for row in self._nursery.prints("deliveries", "--jsonl") if row["recipient"] in addresses]
            still_open = [row for row in rows if not is_settled(row)]
            if not still_open:
                return rows
            if len(still_open) != waiting:
                waiting, end = len(still_open), time.monotonic() + PATIENCE
            time.sleep(0.2)
        raise AssertionError(f"still open: {still_open[:5]}")


def wait_until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)
