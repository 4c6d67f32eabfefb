"""The disk below the data folder is filled while mail goes out and comes in, and freed again.

The small disk is a tmpfs, so only root can have one. Where there is none, `Limited` stands in: the kernel refuses each
write of a process to a file beyond its first octets (RLIMIT_FSIZE); the log is shorter.
"""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from tests.journeys.conftest import free_port
from tests.reliability.crew import QUICK, SENDERS, Crew, wait_until
from tests.reliability.inbox import OPENED, Inbox, is_taken, mail, read_books, wait_until_read
from tests.reliability.installation import PATIENCE, Installation, ended
from tests.reliability.outbox import Books, fill, in_a_thread, recipients

SIZE = "64m"
CALM = 2.0  # seconds without a mail: sending has stopped
PACE = 0.02  # seconds a mail, so that there is mail under way all the time
NOT_NOW = 452
FIRST_OCTETS = 64 * 1024


class Disk(Protocol):
    def fill(self, pids: Sequence[int]) -> None: ...

    def free(self, pids: Sequence[int]) -> None: ...


@dataclass
class Small:
    """Mounted where the data folder is to be."""

    folder: Path

    def fill(self, pids: Sequence[int]) -> None:
        """Again and again: what the database lets go is taken as well."""
        with suppress(OSError), (self.folder / "filler").open("ab", buffering=0) as file:
            while file.write(b"0" * 4096):
                pass

    def free(self, pids: Sequence[int]) -> None:
        (self.folder / "filler").unlink()


class Limited:
    """No file may grow beyond its first octets: those of the database are longer."""

    def fill(self, pids: Sequence[int]) -> None:
        for pid in pids:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (FIRST_OCTETS, resource.RLIM_INFINITY))

    def free(self, pids: Sequence[int]) -> None:
        for pid in pids:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


@contextmanager
def small_disk(folder: Path) -> Iterator[Small]:
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)], check=True)
    try:
        yield Small(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@dataclass
class Filled:
    """What came of it."""

    wanted: Sequence[str]
    books: Books
    inbox: Inbox = field(default_factory=Inbox)
    rows: list[dict[str, Any]] = field(default_factory=list)
    times: int = 0
    went_on: int = 0  # mails that went out after the disk was full
    slowest: float = 0.0  # seconds from the space to the first mail


def fill_disk(installation: Installation, disk: Disk, number: int, times: int, seed: int = 1) -> Filled:
    """`number` recipients go out while the disk is full so many times; mail comes in before, meanwhile and after."""
    chance, port = random.Random(seed), free_port()
    with in_a_thread(Books()) as books:
        books.at = _take_time
        ran = Filled(recipients(number, seed, "full.test"), books)
        installation.runs(OPENED)
        fill(installation, ran.wanted)
        listening = {"SMTP_LISTEN": f"127.0.0.1:{port}", "MAIL_DOMAIN": "acme.test"}
        with installation.nursery(RELAY_URL=books.url, **listening, **QUICK) as nursery:
            receiver, crew = nursery.start("worker", "receive"), Crew(nursery, SENDERS)
            _send(ran, port, "before")
            for turn in range(times):
                seen = books.tried.total() + chance.randint(1, number // (2 * times))
                wait_until(lambda seen=seen: books.tried.total() >= seen)
                _fill_and_free(ran, disk, [receiver, *crew.pids], port)
                _send(ran, port, f"after.{turn}")
            ran.rows = crew.settled(ran.wanted)
            wait_until_read(nursery, ran.inbox)
            crew.stop()
            os.kill(receiver, signal.SIGTERM)
            ended(receiver)
    read_books(installation, ran.inbox)
    return ran


def _take_time(stage: str, recipient: str) -> None:
    if stage == "kept":
        time.sleep(PACE)


def _send(ran: Filled, port: int, name: str) -> None:
    ran.inbox.mailed.append(f"<{name}@customer.test>")
    mail(ran.inbox, port, ran.inbox.mailed[-1:])


def _fill_and_free(ran: Filled, disk: Disk, pids: Sequence[int], port: int) -> None:
    """Full until nothing goes out any more and what comes in is refused."""
    kept, refused, tries = len(ran.books.kept), ran.inbox.refused[NOT_NOW], 0
    last, still_since, end = kept, time.monotonic(), time.monotonic() + PATIENCE
    while time.monotonic() - still_since < CALM or ran.inbox.refused[NOT_NOW] == refused:
        assert time.monotonic() < end, "a full disk stops nothing"
        disk.fill(pids)
        tries += 1
        message_id = f"<full.{ran.times}.{tries}@customer.test>"
        if is_taken(ran.inbox, port, message_id):
            ran.inbox.mailed.append(message_id)
        if len(ran.books.kept) != last:
            last, still_since = len(ran.books.kept), time.monotonic()
        time.sleep(0.1)
    ran.went_on += last - kept
    ran.times += 1
    disk.free(pids)
    freed = time.monotonic()
    wait_until(lambda: len(ran.books.kept) > last)
    ran.slowest = max(ran.slowest, time.monotonic() - freed)
