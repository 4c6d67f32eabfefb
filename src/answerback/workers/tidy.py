"""The tidying worker: what has to happen because time passed.

Policy: each chore is one short function of the module that owns the rows, repeated at its own interval; one that fails
is logged and tried again at its next turn. Where the clock jumps ahead, or the machine slept, that time is taken off
the waiting of every delivery, and leases are left alone until their owners have renewed them; so they are where the
database was away, locked or full, because then nobody could.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from answerback.core import clock, idempotency, live
from answerback.core.db import DatabaseThread, is_in_trouble
from answerback.desk.calling_webhooks import webhook_queue
from answerback.desk.composing import drafts, presence, upload_tokens, uploads
from answerback.desk.keeping import retention
from answerback.desk.running_rules import automating
from answerback.desk.telling import escalation, lane_alarms, notices, way_back
from answerback.outbound import alarms, cause_rules, claims, destinations, lanes
from answerback.outbound import way_back as probes
from answerback.people import identities
from answerback.rules import macros, usage
from answerback.search import catching_up, saved
from answerback.store import blobs, dismiss

TICK_SECONDS = 1.0
JUMP = timedelta(seconds=60)  # less is drift, or a busy machine
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Chore:
    name: str
    every: float  # seconds
    work: Callable[[], object]


EXPIRED = Chore("leases that are over", 5, claims.recover_expired_leases)
LEASES = (
    EXPIRED,
    Chore("leases of dead processes", 5, claims.recover_from_the_dead),
)
CHORES = (
    *LEASES,
    Chore("attempts planned too late", 60, claims.pull_forward),
    Chore("mail under an older setting", 60, destinations.relabel_waiting),
    Chore("suppressions that are over", 60, identities.end_suppressions),
    Chore("the way back", 5, way_back.prove),
    Chore("old probes of the way back", 3600, probes.forget_old),
    Chore("figures and alarms of destinations", 60, lane_alarms.look),
    Chore("old figures of destinations", 3600, alarms.forget_old),
    Chore("automations", 300, automating.run),
    Chore("old uses of rules", 3600, usage.forget_old),
    Chore("deleted macros", 3600, macros.forget_deleted),
    Chore("deleted rules for causes", 3600, cause_rules.forget_deleted),
    Chore("old webhook calls", 3600, webhook_queue.forget_old),
    Chore("failures nobody has seen to", 60, escalation.escalate),
    Chore("old notices", 3600, notices.forget_old),
    Chore("people who changed, for search", 1, catching_up.people),
    Chore("tickets that search does not know", 5, catching_up.tickets),
    Chore("views deleted long ago", 3600, saved.forget_deleted),
    Chore("who left a ticket", 300, presence.forget_old),
    Chore("drafts that were sent", 3600, drafts.forget_sent),
    Chore("uploads that nobody sent", 3600, uploads.forget_orphans),
    Chore("closed tickets that were kept long enough", 20, retention.forget_tickets),
    Chore("mail and people without a ticket, kept long enough", 600, retention.forget_rest),
    Chore("files that nothing names any more", 5, blobs.remove_let_go),
    Chore("mail that nobody wanted", 3600, dismiss.forget_old),
    Chore("old live changes", 60, live.forget_old),
    Chore("old idempotency keys", 300, idempotency.forget_old),
    Chore("uploads nobody used", 300, upload_tokens.forget_old),
)


async def run(stop: asyncio.Event) -> None:
    """Do each chore at its interval until `stop`."""
    database = DatabaseThread("tidy")
    due = dict.fromkeys(CHORES, 0.0)
    watch = ClockWatch(clock.now(), time.monotonic())
    unforgiven = timedelta(0)
    while not stop.is_set():
        now = time.monotonic()
        lost = watch.lost(clock.now(), now)
        if lost > timedelta(0):
            log.warning("the clock jumped ahead by %s", lost)
            due |= dict.fromkeys(LEASES, now + settings.LEASE)
            unforgiven += lost
        if unforgiven:
            unforgiven = await _forgive(database, unforgiven)
        for chore in due:
            if due[chore] <= now:
                due[chore] = now + chore.every
                if not await _do(database, chore):
                    due[EXPIRED] = time.monotonic() + settings.LEASE  # trying may have taken long
        await _pause(stop)
    await database.close()


def once() -> None:
    """Each chore one time."""
    for chore in CHORES:
        chore.work()


class ClockWatch:
    """Compares the clock on the wall with the one that only runs."""

    def __init__(self, wall: datetime, running: float) -> None:
        self._wall, self._running = wall, running

    def lost(self, wall: datetime, running: float) -> timedelta:
        """By how much the wall clock jumped since the last look, back where negative; 0 where it did not."""
        jump = (wall - self._wall) - timedelta(seconds=running - self._running)
        self._wall, self._running = wall, running
        return jump if abs(jump) > JUMP else timedelta(0)


async def _forgive(database: DatabaseThread, lost: timedelta) -> timedelta:
    """What is left to be forgiven: all, where it failed. After a sleep a database often is not there at once."""
    done: list[int] = []
    await _do(database, Chore("a jump of the clock", 0, lambda: done.append(lanes.forgive(lost))))
    return timedelta(0) if done else lost


async def _do(database: DatabaseThread, chore: Chore) -> bool:
    """Whether the database was there for it."""
    try:
        await database.run(chore.work)
    except Exception as error:  # the next turn is the remedy
        if is_in_trouble(error):
            log.warning("chore put off, the database does not take it: %s: %s", chore.name, error)
            return False
        log.exception("chore failed: %s", chore.name)
    return True


async def _pause(stop: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(stop.wait(), TICK_SECONDS)
    except TimeoutError:
        return
