"""Each of the first calls by which a worker writes its database fails once: strace answers for the kernel.

Such a worker is started anew for each fault, and killed a little later. SQLite only: the files of PostgreSQL are
written by a server that is not ours.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.journeys.conftest import free_port
from tests.reliability.crew import QUICK, SENDER, Crew, wait_until
from tests.reliability.inbox import OPENED, Inbox, mail, read_books, wait_until_read
from tests.reliability.installation import Installation, Nursery, ended
from tests.reliability.outbox import Books, fill, in_a_thread, recipients

ERRORS = ("EIO", "ENOSPC")
MAILS_A_FAULT = 8
PACE = 0.01  # seconds a mail
ENOUGH = 20  # mails after which a fault does not come any more: the worker does not make so many calls


@dataclass(frozen=True)
class Fault:
    call: str
    error: str
    when: int  # the first call is 1; each thread of the worker counts its own


def faults(writes: int, syncs: int) -> list[Fault]:
    """Of so many first calls each."""
    calls = [("pwrite64", when) for when in range(1, writes + 1)] + [("fsync", when) for when in range(1, syncs + 1)]
    return [Fault(call, error, when) for call, when in calls for error in ERRORS]


@dataclass
class Failed:
    """What came of it: mail out, or mail in."""

    wanted: Sequence[str] = ()
    books: Books = field(default_factory=Books)
    inbox: Inbox = field(default_factory=Inbox)
    rows: list[dict[str, Any]] = field(default_factory=list)
    happened: int = 0  # faults


def fail_sender(installation: Installation, chosen: Sequence[Fault]) -> Failed:
    """Mail goes out, and the calls of its sender fail."""
    ran = Failed(recipients(MAILS_A_FAULT * len(chosen), domain="fault.test"))
    with in_a_thread(ran.books) as books:
        books.at = _take_time
        fill(installation, ran.wanted)
        with installation.nursery(RELAY_URL=books.url, **QUICK | {"SESSIONS_PER_DESTINATION": "1"}) as nursery:
            for fault in chosen:
                with _failing(nursery, fault) as has_happened:
                    sender, tried = nursery.start(*SENDER), books.tried.total()
                    wait_until(lambda end=tried + ENOUGH: has_happened() or books.tried.total() >= end)
                    ran.happened += has_happened()
                    kept = len(books.kept)
                    wait_until(lambda kept=kept: len(books.kept) > kept)
                os.kill(sender, signal.SIGKILL)
                ended(sender)
            books.at = lambda stage, recipient: None
            crew = Crew(nursery, 1)
            ran.rows = crew.settled(ran.wanted)
            crew.stop()
    return ran


def fail_receiver(installation: Installation, chosen: Sequence[Fault]) -> Failed:
    """Mail comes in, and the calls of its receiver fail."""
    ran, port = Failed(), free_port()
    installation.runs(OPENED)
    with installation.nursery(SMTP_LISTEN=f"127.0.0.1:{port}", MAIL_DOMAIN="acme.test") as nursery:
        for fault in chosen:
            with _failing(nursery, fault) as has_happened:
                receiver, sent = nursery.start("worker", "receive"), 0
                while not has_happened() and sent < ENOUGH:
                    sent += _send(ran.inbox, port)
                ran.happened += has_happened()
                _send(ran.inbox, port)
            os.kill(receiver, signal.SIGKILL)
            ended(receiver)
        receiver = nursery.start("worker", "receive")
        wait_until_read(nursery, ran.inbox)
        os.kill(receiver, signal.SIGTERM)
        ended(receiver)
    read_books(installation, ran.inbox)
    return ran


def _send(inbox: Inbox, port: int) -> int:
    inbox.mailed.append(f"<fault.{len(inbox.mailed)}@customer.test>")
    mail(inbox, port, inbox.mailed[-1:])
    return 1


def _take_time(stage: str, recipient: str) -> None:
    if stage == "rcpt":
        time.sleep(PACE)


@contextmanager
def _failing(nursery: Nursery, fault: Fault) -> Iterator[Callable[[], bool]]:
    """What the nursery starts meanwhile meets the fault. Gives whether it has."""
    installation = nursery.installation
    database, told = installation.url.removeprefix("sqlite:///"), installation.folder / "strace"
    command = [
        *("strace", "--follow-forks", f"--attach={nursery.process.pid}", f"--output={told}"),
        *(f"--trace-path={database}{end}" for end in ("", "-wal", "-journal")),
        *(f"--trace={fault.call}", "--status=failed", "--quiet=exit,personality"),
        f"--inject={fault.call}:error={fault.error}:when={fault.when}",
    ]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert tracer.stderr
    assert "attached" in (said := tracer.stderr.readline()), said
    try:
        yield lambda: "(INJECTED)" in told.read_text()
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.communicate()
