"""The part of the reacting worker that works off jobs: short turns, so that a cancelled job ends at once."""

from __future__ import annotations

import asyncio
import logging

from django.db import Error

from answerback.core import live
from answerback.core.db import DatabaseThread
from answerback.desk import jobs

POLL_SECONDS = 2.0  # beside wake-ups: for jobs of a process that died
TROUBLE_PAUSE = 2.0
log = logging.getLogger(__name__)


async def run(stop: asyncio.Event, hub: live.Hub) -> None:
    """Work until `stop`."""
    database = DatabaseThread("jobs")
    topics = hub.subscribe()
    try:
        while not stop.is_set():
            if not await _work(database, stop):
                await _news(topics, stop)
    finally:
        hub.unsubscribe(topics)
        await database.close()


def once() -> int:
    """Do all that waits; answers to how many items."""
    total = 0
    while count := jobs.work():
        total += count
    return total


async def _work(database: DatabaseThread, stop: asyncio.Event) -> int:
    try:
        return await database.run(jobs.work)
    except Error as error:
        log.warning("jobs cannot be worked off for now: %s", error)
        await _sleep(stop, TROUBLE_PAUSE)
        return 0


async def _news(topics: asyncio.Queue[str], stop: asyncio.Event) -> None:
    """Wait for a job to start, for `stop`, or for a while."""
    waiters = [asyncio.create_task(stop.wait()), asyncio.create_task(live.heard(topics, live.JOBS))]
    await asyncio.wait(waiters, timeout=POLL_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    for waiter in waiters:
        waiter.cancel()


async def _sleep(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
