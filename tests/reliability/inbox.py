"""Mail that comes in while its receiver is killed: clients with books, a mailbox, and what must hold at the end.

A mail keeps its Message-ID however often its client has to try; every try has octets of its own, so that each 250 can
be found again. Some mails come by SMTP and lie in the mailbox as well.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import smtplib
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.utils import formatdate

from tests.inbound.dovecot import PASSWORD, Dovecot
from tests.journeys.conftest import free_port
from tests.reliability.installation import PATIENCE, Installation, Nursery, ended

CLIENTS = 4
SUPPORT = "support@acme.test"
OPENED = """
from answerback.cli import start_django
start_django()
from answerback.core import clock
from answerback.tickets.models import SupportAddress
SupportAddress.objects.get_or_create(
    normal="support@acme.test",
    defaults={"name": "S", "address": "support@acme.test", "default": True, "created_at": clock.now()},
)
"""
READ = """
import json
from answerback.cli import start_django
start_django()
from answerback.store.models import RawMail
from answerback.tickets.models import Comment
print(json.dumps({
    "stored": list(RawMail.objects.order_by("id").values_list("doorway", "message_id", "sha256", "state")),
    "comments": list(Comment.objects.order_by("id").values_list("message_id", flat=True)),
}))
"""


@dataclass
class Inbox:
    """What was sent, and what was said to it."""

    acknowledged: list[str] = field(default_factory=list)  # SHA-256 of what got a 250
    mailed: list[str] = field(default_factory=list)  # Message-IDs
    laid: list[str] = field(default_factory=list)  # Message-IDs of what lies in the mailbox
    tries: int = 0
    kills: int = 0
    refused: Counter[int] = field(default_factory=Counter)  # by reply code, of what was to come later
    stored: list[tuple[str, str, str, str]] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)


def kill_receiver(
    installation: Installation, mails: int, kills: int, dovecot: Dovecot | None = None, laid: int = 0
) -> Inbox:
    """So many mails come by SMTP, and `laid` ones by IMAP, a third of these by both, while the receiver is killed."""
    inbox, chance, port = Inbox(), random.Random(1), free_port()
    inbox.mailed = [f"<smtp.{number}@customer.test>" for number in range(mails)]
    inbox.laid = [*inbox.mailed[: laid // 3], *(f"<imap.{number}@customer.test>" for number in range(laid - laid // 3))]
    installation.runs(OPENED)
    settings = {"SMTP_LISTEN": f"127.0.0.1:{port}", "MAIL_DOMAIN": "acme.test"}
    if dovecot:
        settings["IMAP_URLS"] = f"imap://support:{PASSWORD}@127.0.0.1:{dovecot.port}/INBOX?tls=none"
    with installation.nursery(**settings) as nursery:
        receiver = nursery.start("worker", "receive")
        clients = [
            threading.Thread(target=mail, args=(inbox, port, inbox.mailed[number::CLIENTS]))
            for number in range(CLIENTS)
        ]
        if dovecot:
            clients.append(threading.Thread(target=_lay, args=(dovecot, inbox.laid)))
        for client in clients:
            client.start()
        while inbox.kills < kills:
            _wait_for(inbox, chance.randint(1, max(1, 2 * mails // kills)))
            time.sleep(chance.uniform(0, 0.05))
            os.kill(receiver, signal.SIGKILL)
            inbox.kills += 1
            ended(receiver)
            receiver = nursery.start("worker", "receive")
        for client in clients:
            client.join()
        wait_until_read(nursery, inbox)
        os.kill(receiver, signal.SIGTERM)
        ended(receiver)
    read_books(installation, inbox)
    return inbox


def read_books(installation: Installation, inbox: Inbox) -> None:
    """What was stored, and what became comments."""
    found = json.loads(installation.runs(READ))
    inbox.stored, inbox.comments = found["stored"], found["comments"]


def errors(inbox: Inbox) -> list[str]:
    """What is lost, stored twice, or became two comments."""
    found = []
    smtp = Counter(sha256 for doorway, _, sha256, _ in inbox.stored if doorway == "smtp")
    imap = Counter(message_id for doorway, message_id, _, _ in inbox.stored if doorway == "imap")
    comments = Counter(inbox.comments)
    found += [f"250 and stored {smtp[one]} times: {one}" for one in inbox.acknowledged if smtp[one] != 1]
    found += [f"stored twice: {one}" for one, times in smtp.items() if times > 1]
    found += [f"in the mailbox and stored {imap[one]} times: {one}" for one in inbox.laid if imap[one] != 1]
    found += [f"{comments[one]} comments: {one}" for one in {*inbox.mailed, *inbox.laid} if comments[one] != 1]
    return found


def mail(inbox: Inbox, port: int, message_ids: Sequence[str]) -> None:
    """One client, which tries each mail until it hears 250."""
    for message_id in message_ids:
        while not is_taken(inbox, port, message_id):
            time.sleep(0.05)


def is_taken(inbox: Inbox, port: int, message_id: str) -> bool:
    inbox.tries += 1
    octets = _octets(message_id, inbox.tries, threading.get_ident())
    taken = False
    try:
        with smtplib.SMTP("127.0.0.1", port, timeout=PATIENCE) as smtp:
            smtp.sendmail("clara@customer.test", [SUPPORT], octets)
            taken = True
    except smtplib.SMTPResponseException as refusal:
        inbox.refused[refusal.smtp_code] += 1
    except OSError:
        pass  # killed
    if taken:
        inbox.acknowledged.append(hashlib.sha256(octets).hexdigest())
    return taken


def _octets(message_id: str, try_: int, client: int) -> bytes:
    lines = [
        f"Message-ID: {message_id}",
        f"From: Clara Customer <{message_id[1:].partition('@')[0]}@customer.test>",
        f"To: {SUPPORT}",
        f"Subject: Mail {message_id[1:-1]}",
        f"Date: {formatdate(1764161000)}",
        f"X-Try: {client}.{try_}",
        "",
        "It burns. " * 20,
    ]
    return "".join(f"{line}\r\n" for line in lines).encode()


def _lay(dovecot: Dovecot, message_ids: Sequence[str]) -> None:
    with dovecot.client() as client:
        for message_id in message_ids:
            client.append("INBOX", _octets(message_id, 0, 0))


def _wait_for(inbox: Inbox, more: int) -> None:
    """Until so many more were taken; no longer than a few seconds, when all are."""
    wanted, end = len(inbox.acknowledged) + more, time.monotonic() + 3
    while len(inbox.acknowledged) < wanted and time.monotonic() < end:
        time.sleep(0.005)


def wait_until_read(nursery: Nursery, inbox: Inbox) -> None:
    waiting, end = (-1, -1), time.monotonic() + PATIENCE
    while time.monotonic() < end:
        rows = nursery.prints("rawmail", "--jsonl")
        now = (
            len(inbox.laid) - sum(row["doorway"] == "imap" for row in rows),
            sum(row["state"] == "received" for row in rows),
        )
        if now == (0, 0):
            return
        if now != waiting:
            waiting, end = now, time.monotonic() + PATIENCE
        time.sleep(0.3)
    raise AssertionError(f"{waiting[0]} mails lie in the mailbox, {waiting[1]} are unread")
