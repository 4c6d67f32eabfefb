"""Outcomes on their way into the database, in groups.

Policy: one commit for many outcomes, but never later than ten milliseconds after the first. An outcome that cannot be
stored is kept and tried again every second; meanwhile `healthy` is clear, and nobody may send anything: what we cannot
note we must not do.
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
BACKLOG_MAX = 200  # outcomes not stored yet with which no session begins another batch


class Recorder:
    """Takes outcomes, writes them, and says when it cannot. `stored` is called with the ids that are safe."""

    def __init__(self, database: DatabaseThread, stored: Callable[[Sequence[int]], None]) -> None:
        self.healthy = asyncio.Event()
        self.healthy.set()
        self.sick = asyncio.Event()
        self.keeps_up = asyncio.Event()  # there may be more: what a crash makes us send again stays little
        self.keeps_up.set()
        self._database = database
        self._stored = stored
        self._pending: list[Outcome] = []
        self._filled = asyncio.Event()

    @property
    def idle(self) -> bool:
        return not self._pending

    def add(self, outcome: Outcome) -> None:
        self._pending.append(outcome)
        self._filled.set()
        if len(self._pending) >= BACKLOG_MAX:
            self.keeps_up.clear()

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self._filled.wait()
            if len(self._pending) < GROUP_SIZE:
                await asyncio.sleep(GROUP_SECONDS)
            await self._write_group()

    async def drain(self, seconds: float) -> bool:
        """Wait until all is stored. False where the store did not take it in time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._pending:
                    await asyncio.sleep(GROUP_SECONDS)
        return self.idle

    async def _write_group(self) -> None:
        group = self._pending[:GROUP_SIZE]
        try:
            await self._database.run(lifecycle.record, group)
        except (DataError, IntegrityError):
            await self._write_one_by_one(group)
        except (Error, OSError) as error:
            self._fall_sick(error)
            await asyncio.sleep(RETRY_SECONDS)
            return
        self._done(group)

    async def _write_one_by_one(self, group: Sequence[Outcome]) -> None:
        """The database refuses one of them for what it is: that one waits for the end of its lease, not the others."""
        for outcome in group:
            try:
                await self._database.run(lifecycle.record, [outcome])
            except (DataError, IntegrityError):
                log.exception("the outcome of delivery %s cannot be stored", outcome.delivery_id)

    def _done(self, group: Sequence[Outcome]) -> None:
        del self._pending[: len(group)]
        if not self._pending:
            self._filled.clear()
        if len(self._pending) < BACKLOG_MAX:
            self.keeps_up.set()
        if not self.healthy.is_set():
            log.warning("outcomes can be stored again: sending goes on")
            self.sick.clear()
            self.healthy.set()
        for outcome in group:
            attempt_log.note(outcome)
        self._stored([outcome.delivery_id for outcome in group])

    def _fall_sick(self, error: Exception) -> None:
        if self.healthy.is_set():
            log.error("outcomes cannot be stored, sending stops: %s", error)
            self.healthy.clear()
            self.sick.set()
