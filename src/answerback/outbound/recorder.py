"""Outcomes on their way into the database, in groups.

Policy: one commit for many outcomes, as soon as every session at work has told its own, and never later than ten
milliseconds after the first. A session goes on once its outcome is stored, so that a crash costs a second copy of the
message each session was at, and of no other. An outcome that cannot be stored is kept and tried again every second;
meanwhile `healthy` is clear, and nobody may send anything: what we cannot note we must not do.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress

from django.db import DataError, Error, IntegrityError

from answerback.core.db import DatabaseThread
from answerback.outbound import attempt_log, lifecycle
from answerback.outbound.claims import Lease
from answerback.outbound.told import Outcome

log = logging.getLogger(__name__)

GROUP_SIZE = 200
GROUP_SECONDS = 0.01
RETRY_SECONDS = 1.0


class Recorder:
    """Takes outcomes, writes them, and says when it cannot.

    `stored` is called with the leases whose outcomes are safe; `at_work` tells how many sessions may bring an outcome
    soon, and `look` is to be called where they became fewer.
    """

    def __init__(
        self, database: DatabaseThread, stored: Callable[[Sequence[Lease]], None], at_work: Callable[[], int]
    ) -> None:
        self.healthy = asyncio.Event()
        self.healthy.set()
        self.sick = asyncio.Event()
        self._database = database
        self._stored = stored
        self._at_work = at_work
        self._pending: list[tuple[Outcome, asyncio.Future[None]]] = []
        self._due = asyncio.Event()
        self._waiting: asyncio.TimerHandle | None = None  # for more outcomes

    @property
    def idle(self) -> bool:
        return not self._pending

    def add(self, outcome: Outcome) -> asyncio.Future[None]:
        """The future is done once the outcome is stored, or cannot be stored for now (`healthy`)."""
        settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending.append((outcome, settled))
        self.look()
        return settled

    def look(self) -> None:
        """Write now where nobody is left who may soon bring more, else before long."""
        if not self._pending:
            return
        if len(self._pending) >= min(GROUP_SIZE, self._at_work()):
            self._due.set()
        elif self._waiting is None:
            self._waiting = asyncio.get_running_loop().call_later(GROUP_SECONDS, self._due.set)

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self._due.wait()
            if self._pending:
                await self._write_group()
            self._begin_anew()

    def _begin_anew(self) -> None:
        """What came while a group was written has its own time to wait."""
        self._due.clear()
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
        self.look()

    async def drain(self, seconds: float) -> bool:
        """Wait until all is stored. False where the store did not take it in time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._pending:
                    await asyncio.sleep(GROUP_SECONDS)
        return self.idle

    async def _write_group(self) -> None:
        try:
            await self._write([outcome for outcome, _ in self._pending[:GROUP_SIZE]])
        except (Error, OSError) as error:
            self._fall_sick(error)
            await asyncio.sleep(RETRY_SECONDS)

    async def _write(self, outcomes: Sequence[Outcome]) -> None:
        """Where the database refuses one of them for what it is, that one waits for the end of its lease, no other."""
        try:
            await self._database.run(lifecycle.record, outcomes)
        except (DataError, IntegrityError):
            if len(outcomes) > 1:
                for outcome in outcomes:
                    await self._write([outcome])
                return
            log.exception("the outcome of delivery %s cannot be stored", outcomes[0].delivery_id)
        self._done(outcomes)

    def _done(self, outcomes: Sequence[Outcome]) -> None:
        self._settle(len(outcomes))
        del self._pending[: len(outcomes)]
        if not self.healthy.is_set():
            log.warning("outcomes can be stored again: sending goes on")
            self.sick.clear()
            self.healthy.set()
        for outcome in outcomes:
            attempt_log.note(outcome)
        self._stored([Lease(outcome.delivery_id, outcome.attempt) for outcome in outcomes])

    def _fall_sick(self, error: Exception) -> None:
        if self.healthy.is_set():
            log.error("outcomes cannot be stored, sending stops: %s", error)
            self.healthy.clear()
        self._settle(len(self._pending))  # before anybody is broken off: who waits here has nothing under way
        self.sick.set()

    def _settle(self, count: int) -> None:
        for _, settled in self._pending[:count]:
            if not settled.done():  # nobody waits for it any more
                settled.set_result(None)
