"""Mail that goes out while its senders die: what was wanted, a hop that keeps books, and what must be true at the end.

Every recipient has an address of its own. Its local part names a fate for each time that it is tried, as of
tests/outbound/hop.py: `lost-451-ok+17` is kept without an answer, then deferred, then taken; the last fate stays.
"""

from __future__ import annotations

import asyncio
import json
import random
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from email import message_from_bytes
from typing import Any, TypeVar

from tests.outbound.hop import Hop, fate_of
from tests.reliability.installation import Installation

# fates as they come: two thirds are taken at once
MIX = (*("ok",) * 12, "550", "550", "451-ok", "cut-ok", "lost-ok", "lost-550", "451-451-550", "cut-lost-ok")
H = TypeVar("H", bound=Hop)
FINAL = {"ok": "accepted", "550": "failed"}
_AT_ONCE = 600

FILLED = """
import json, sys
from answerback.cli import start_django
start_django()
from django.db import transaction
from tests.outbound.conftest import World, make_ticket, make_world, notification
from answerback.people import identities
from answerback.tickets.models import SupportAddress
support = SupportAddress.objects.first()
clara, deniz = (identities.find_or_create(f"{one}@customer.test", one, "en").person for one in ("clara", "deniz"))
world = World(support, None, clara, deniz, clara) if support else make_world()
recipients = json.loads(sys.argv[1])
with transaction.atomic():
    for start in range(0, len(recipients), 3):
        people = [identities.find_or_create(one, one, "en").person for one in recipients[start : start + 3]]
        notification(world, make_ticket(world), people)
"""


def recipients(number: int, seed: int = 1, domain: str = "c.test") -> list[str]:
    chance = random.Random(seed)
    return [f"{chance.choice(MIX)}+{one}@{domain}" for one in range(number)]


def fill(installation: Installation, addresses: Sequence[str]) -> None:
    """An answer waits for each of them, three on each ticket."""
    for start in range(0, len(addresses), _AT_ONCE):
        installation.runs(FILLED, json.dumps(addresses[start : start + _AT_ONCE]))


class Books(Hop):
    """A hop that remembers how often somebody was tried, and what it said of each copy."""

    def __init__(self) -> None:
        super().__init__()
        self.tried = Counter[str]()

    def fate(self, recipient: str) -> str:
        fates = fate_of(recipient).split("-")
        return fates[min(max(self.tried[recipient], 1), len(fates)) - 1]

    def _rcpt(self, recipient: str, say: Any) -> str:
        self.tried[recipient] += 1
        return super()._rcpt(recipient, say)


@contextmanager
def in_a_thread(hop: H) -> Iterator[H]:
    """The hop at work while the test waits for other things."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(hop.__aenter__(), loop).result()
    try:
        yield hop
    finally:
        asyncio.run_coroutine_threadsafe(hop.__aexit__(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def is_settled(row: Mapping[str, Any]) -> bool:
    return row["state"] in FINAL.values()


def errors(wanted: Sequence[str], books: Books, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """What is lost, recorded wrongly, or changed between two copies."""
    found = []
    by_recipient = {row["recipient"]: row for row in rows}
    if Counter(wanted) != Counter(row["recipient"] for row in rows):
        found.append("the deliveries are not those that were wanted")
    for recipient in wanted:
        fate = fate_of(recipient).split("-")[-1]
        row, copies = by_recipient[recipient], books.copies(recipient)
        if row["state"] != FINAL[fate]:
            found.append(f"{recipient}: recorded as {row['state']}")
        if fate == "ok" and not any(copy.acknowledged for copy in copies):
            found.append(f"{recipient}: lost")
        if fate == "550" and (row["smtp_code"], row["enhanced_code"]) != (550, "5.1.1"):
            found.append(f"{recipient}: recorded as {row['smtp_code']} {row['enhanced_code']}")
        if {message_from_bytes(copy.content)["Message-ID"] for copy in copies} - {row["message_id"]}:
            found.append(f"{recipient}: another Message-ID")
        if len(copies) > 1 and not row["ambiguous"]:
            found.append(f"{recipient}: {len(copies)} copies, and not said to be so")
    return found


def told_again(books: Books) -> int:
    """Copies that were acknowledged and sent once more: their sender died before it could note it."""
    acknowledged = Counter(mail.rcpt_to for mail in books.kept if mail.acknowledged)
    return sum(acknowledged.values()) - len(acknowledged)
