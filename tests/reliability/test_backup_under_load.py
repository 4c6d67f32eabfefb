"""A backup is made while mail goes out and comes in, and is brought back elsewhere.

What the new place sends is what had no outcome yet at the moment of the backup, with the same Message-IDs.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import smtplib
import threading
import time
from collections import Counter
from email import message_from_bytes
from pathlib import Path

import pytest

from tests.journeys.conftest import eventually, free_port
from tests.reliability.installation import PATIENCE, Installation, ended, make_installation
from tests.reliability.outbox import Books, fill, in_a_thread

pytestmark = pytest.mark.both_databases
RECIPIENTS = 100
SENT_BEFORE, SENT_MEANWHILE = 20, 50
PRODUCT = "from answerback.cli import main; main()"
TOLD = """
import json
from answerback.cli import start_django
start_django()
from answerback.outbound.models import Delivery
from answerback.store.models import RawMail
answers = Delivery.objects.filter(kind="answer")  # customers who write get automatic mail as well
print(json.dumps({
    "states": dict(answers.values_list("recipient", "state")),
    "ids": dict(answers.values_list("recipient", "message__message_id")),
    "received": list(RawMail.objects.values_list("sha256", flat=True)),
}))
"""


def test_brought_back_elsewhere_it_sends_what_had_no_outcome_yet(tmp_path: Path) -> None:
    wanted = [f"ok+{number}@backup.test" for number in range(RECIPIENTS)]
    file = tmp_path / "desk.tar.gz"
    with in_a_thread(Books()) as first, in_a_thread(Books()) as second:
        here = make_installation(tmp_path / "here", RELAY_URL=first.url, MAIL_DOMAIN="acme.test")
        fill(here, wanted)
        acknowledged = _back_up_under_load(here, first, file)
        there = make_installation(tmp_path / "there", RELAY_URL=second.url, MAIL_DOMAIN="acme.test")
        there.runs(PRODUCT, "restore", "--quiet", str(file))
        found = json.loads(there.runs(TOLD))
        there.runs(PRODUCT, "worker", "deliver", "--once")
        at_last = json.loads(there.runs(TOLD))["states"]
    waiting = [recipient for recipient, state in found["states"].items() if state == "queued"]
    assert sorted(found["states"]) == sorted(wanted)
    assert set(found["states"].values()) == {"accepted", "queued"}, "nobody is sending yet"
    sent_again = [mail for mail in second.kept if mail.rcpt_to in wanted]
    assert Counter(mail.rcpt_to for mail in sent_again) == Counter(waiting)
    assert set(at_last.values()) == {"accepted"}
    for mail in sent_again:
        assert message_from_bytes(mail.content)["Message-ID"] == found["ids"][mail.rcpt_to]
        assert {message_from_bytes(copy.content)["Message-ID"] for copy in first.copies(mail.rcpt_to)} <= {
            found["ids"][mail.rcpt_to]
        }
    received = Counter(found["received"])
    assert set(received.values()) == {1}
    assert set(acknowledged) <= set(received), "what got a 250 before the backup began is in it"


def _back_up_under_load(installation: Installation, hop: Books, file: Path) -> list[str]:
    """The digests of the mails that were acknowledged before it began. Mail goes on meanwhile, out and in."""
    made, over, port = threading.Event(), threading.Event(), free_port()
    acknowledged: list[str] = []

    def go_slowly(stage: str, recipient: str) -> None:
        if stage == "kept":
            time.sleep(0.02)
            assert len(hop.kept) < SENT_MEANWHILE or made.wait(PATIENCE)

    def send() -> None:
        while not over.wait(0.02):
            mail = f"From: clara@customer.test\r\nSubject: {len(acknowledged)}\r\n\r\nIt burns.\r\n".encode()
            with smtplib.SMTP("127.0.0.1", port, timeout=PATIENCE) as smtp:
                smtp.sendmail("clara@customer.test", ["support@acme.test"], mail)
            acknowledged.append(hashlib.sha256(mail).hexdigest())

    hop.at = go_slowly
    with installation.nursery(SMTP_LISTEN=f"127.0.0.1:{port}") as nursery:
        workers = nursery.start("worker")
        eventually(lambda: len(hop.kept) >= SENT_BEFORE, within=PATIENCE)
        customers = threading.Thread(target=send)
        customers.start()
        eventually(lambda: len(acknowledged) >= 10, within=PATIENCE)
        before = list(acknowledged)
        ended(nursery.start("backup", "--quiet", str(file)))
        made.set()
        over.set()
        customers.join()
        os.kill(workers, signal.SIGTERM)
        ended(workers)
    assert file.exists(), installation.log.read_text()
    return before
