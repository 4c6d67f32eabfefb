"""Between what is heard and a yes lies a sync of what was written: nothing of it is only in the kernel's memory."""

from __future__ import annotations

import os
import shutil
import signal
import smtplib
from pathlib import Path

import pytest

from tests.journeys.conftest import free_port
from tests.reliability.crew import SENDER, wait_until
from tests.reliability.inbox import OPENED, SUPPORT
from tests.reliability.installation import Installation, ended
from tests.reliability.outbox import Books, fill, in_a_thread
from tests.reliability.syncs import Did, Step, is_safe, steps, traced

MAILS = 12

pytestmark = [
    pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed (Debian: strace)"),
    pytest.mark.skipif(
        os.environ.get("ANSWERBACK_TEST_DATABASE") == "postgresql", reason="PostgreSQL syncs its files itself"
    ),
]


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    path = tmp_path / "trace"
    path.touch()
    return path


def test_mail_is_synced_before_its_250(installation: Installation, trace: Path) -> None:
    port = free_port()
    installation.runs(OPENED)
    with (
        installation.nursery(SMTP_LISTEN=f"127.0.0.1:{port}", MAIL_DOMAIN="acme.test") as nursery,
        traced(nursery, trace),
    ):
        receiver = nursery.start("worker", "receive")
        wait_until(lambda: _listens(port))
        with smtplib.SMTP("127.0.0.1", port) as client:
            for number in range(MAILS):
                content = f"Message-ID: <sync.{number}@customer.test>\r\n\r\nfin-{number}.\r\n"
                client.sendmail("clara@customer.test", SUPPORT, content)
        os.kill(receiver, signal.SIGTERM)
        ended(receiver)
    seen = steps(trace)
    for number in range(MAILS):
        heard = _first(seen, Did.HEARD, f"fin-{number}.", 0)
        said = _first(seen, Did.SAID, "250 2.0.0", heard)
        assert is_safe(seen[heard:said]), number


def test_outcomes_are_synced_before_the_next_mail_is_complete(installation: Installation, trace: Path) -> None:
    """And the intention before the mail is begun."""
    wanted = [f"ok+{number}@sync.test" for number in range(MAILS)]
    with in_a_thread(Books()) as books:
        fill(installation, wanted)
        with (
            installation.nursery(RELAY_URL=books.url, SESSIONS_PER_DESTINATION="1") as nursery,
            traced(nursery, trace),
        ):
            sender = nursery.start(*SENDER)
            wait_until(lambda: len(books.kept) == MAILS)
            os.kill(sender, signal.SIGTERM)
            ended(sender)
    seen = steps(trace)
    bodies = [
        place for place, step in enumerate(seen) if step.did is Did.SAID and "X-Answerback-Delivery" in step.words
    ]
    assert len(bodies) >= MAILS, "copies are counted elsewhere: a machine that was paused meanwhile makes some"
    assert is_safe(seen[: bodies[0]])
    for place, following in zip(bodies, [*bodies[1:], len(seen)], strict=True):
        heard = _first(seen, Did.HEARD, '"250', place)
        assert heard < following
        assert is_safe(seen[heard:following])


def _first(seen: list[Step], did: Did, words: str, after: int) -> int:
    return next(place for place in range(after, len(seen)) if seen[place].did is did and words in seen[place].words)


def _listens(port: int) -> bool:
    try:
        smtplib.SMTP("127.0.0.1", port).quit()
    except OSError:
        return False
    return True
