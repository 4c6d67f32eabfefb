"""A PostgreSQL server is restarted at once, without a clean end, under senders with mail under way."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from tests.reliability.crew import QUICK, SENDERS, Crew, Ran, wait_until
from tests.reliability.installation import Installation
from tests.reliability.outbox import Books, fill, in_a_thread, recipients

LEASE = 10  # seconds


def restart_database(
    installation: Installation, restart: Callable[[], None], number: int, restarts: int, seed: int = 1
) -> Ran:
    """`number` recipients go out while their database is restarted so many times."""
    chance = random.Random(seed)
    wanted = recipients(number, seed)
    with in_a_thread(Books()) as books:
        fill(installation, wanted)
        with installation.nursery(RELAY_URL=books.url, LEASE=str(LEASE), **QUICK) as nursery:
            crew = Crew(nursery, SENDERS)
            for _ in range(restarts):
                seen = books.tried.total() + chance.randint(1, number // restarts)
                wait_until(lambda seen=seen: books.tried.total() >= seen)
                time.sleep(chance.uniform(0, 0.05))
                assert books.tried.total() < number, "no mail is left"
                restart()
            rows = crew.settled(wanted)
            crew.stop()
    return Ran(wanted, books, rows, restarts)
