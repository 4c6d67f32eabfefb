"""Running senders through a queue while they are killed.

Kills follow what the hop sees, not the clock: so many mails later, at a random instant of the next twentieth of a
second; or exactly when a mail has come as far as a stage. Two senders share the queue; what is killed is started again.
"""

from __future__ import annotations

import random
import time

from tests.outbound.hop import STAGES
from tests.reliability.crew import QUICK, SENDERS, Crew, Ran
from tests.reliability.installation import Installation, is_running
from tests.reliability.outbox import Books, fill, in_a_thread, recipients


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
            rows = crew.settled(wanted)
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
            rows = crew.settled(wanted)
            crew.stop()
    assert killed == set(doomed)
    return Ran(wanted, books, rows, crew.kills)


def _wait_for_mails(books: Books, crew: Crew, more: int) -> None:
    """Until so many more were tried, or nothing is left to try."""
    seen, last, end = books.tried.total(), -1, time.monotonic() + 3
    while books.tried.total() < seen + more and time.monotonic() < end:
        crew.replace_dead()
        if books.tried.total() != last:
            last, end = books.tried.total(), time.monotonic() + 3
        time.sleep(0.005)
