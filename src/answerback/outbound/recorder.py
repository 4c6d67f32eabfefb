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
from answerback.outbound.lifecycle import Outcome

log = logging.getLogger(__name__)

GROUP_SIZE = 200
GROUP_SECONDS = 0.01
RETRY_SECONDS = 1.0


class Recorder:
    """Takes outcomes, writes them, and says when it cannot.

    `stored` is called with the ids that are safe; `at_work` tells how many sessions may bring an outcome soon.
    """

    def __init__(
        self, database: DatabaseThread, stored: Callable[[Sequence[int]], None], at_work: Callable[[], int]
    ) -> None:
        self.healthy = asyncio.Event()
        self.healthy.set()
        self.sick = asyncio.Event()
        self._database = database
        self._stored = stored
        self._at_work = at_work
        self._pending: list[tuple[Outcome, asyncio.Event]] = []
        self._added = asyncio.Event()

    @property
    def idle(self) -> bool:
        return not self._pending

    def add(self, outcome: Outcome) -> asyncio.Event:
        """The event is set once the outcome is stored, or cannot be stored for now (`healthy`)."""
        settled = asyncio.Event()
        self._pending.append((outcome, settled))
        self._added.set()
        return settled

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self._gather()
            await self._write_group()

    async def drain(self, seconds: float) -> bool:
        """Wait until all is stored. False where the store did not take it in time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._pending:
                    await asyncio.sleep(GROUP_SECONDS)
        return self.idle

    async def _gather(self) -> None:
        """Until there is something to write, and nobody is left who may soon bring more."""
        while not self._pending:
            await self._another()
        with suppress(TimeoutError):
            async with asyncio.timeout(GROUP_SECONDS):
                while len(self._pending) < min(GROUP_SIZE, self._at_work()):
                    await self._another()

    async def _another(self) -> None:
        self._added.clear()
        await self._added.wait()

    async def _write_group(self) -> None:
        group = self._pending[:GROUP_SIZE]
        outcomes = [outcome for outcome, _ in group]
        try:
            await self._database.run(lifecycle.record, outcomes)
        except (DataError, IntegrityError):
            await self._write_one_by_one(outcomes)
        except (Error, OSError) as error:
            self._fall_sick(error)
            await asyncio.sleep(RETRY_SECONDS)
            return
        self._done(outcomes)

    async def _write_one_by_one(self, outcomes: Sequence[Outcome]) -> None:
        """The database refuses one of them for what it is: that one waits for the end of its lease, not the others."""
        for outcome in outcomes:
            try:
                await self._database.run(lifecycle.record, [outcome])
            except (DataError, IntegrityError):
                log.exception("the outcome of delivery %s cannot be stored", outcome.delivery_id)

    def _done(self, outcomes: Sequence[Outcome]) -> None:
        self._settle(len(outcomes))
        del self._pending[: len(outcomes)]
        if not self.healthy.is_set():
            log.warning("outcomes can be stored again: sending goes on")
            self.sick.clear()
            self.healthy.set()
        for outcome in outcomes:
            attempt_log.note(outcome)
        self._stored([outcome.delivery_id for outcome in outcomes])

    def _fall_sick(self, error: Exception) -> None:
        if self.healthy.is_set():
            log.error("outcomes cannot be stored, sending stops: %s", error)
            self.healthy.clear()
        self._settle(len(self._pending))  # before anybody is broken off: who waits here has nothing under way
        self.sick.set()

    def _settle(self, count: int) -> None:
        for _, settled in self._pending[:count]:
            settled.set()
