"""The reacting worker: hands the desk delivery events that nobody has handled yet and drafts whose time has come,
calls webhooks, works off jobs.

The rows are the queue. A wake-up makes it quick, a look every second makes it certain. Events that cannot be handled
stay and are tried again; they must not make the loop spin.
"""

from __future__ import annotations

import asyncio
import logging

from django.db import Error

from answerback.core import live
from answerback.core.db import DatabaseThread
from answerback.desk import delivery_events
from answerback.desk.composing import submitting
from answerback.workers import call_webhooks, work_jobs

POLL_SECONDS = 1.0
log = logging.getLogger(__name__)


async def run(stop: asyncio.Event, hub: live.Hub) -> None:
    """React until `stop`."""
    await asyncio.gather(_react_to_deliveries(stop, hub), call_webhooks.run(stop, hub), work_jobs.run(stop, hub))


async def _react_to_deliveries(stop: asyncio.Event, hub: live.Hub) -> None:
    database = DatabaseThread("react")
    topics = hub.subscribe()
    try:
        while not stop.is_set():
            if not await _react(database):
                await _news(topics, stop)
    finally:
        hub.unsubscribe(topics)
        await database.close()


def once() -> int:
    """React to all that waits; answers to how many."""
    total = 0
    while handled := _react_now():
        total += handled
    total += work_jobs.once()
    asyncio.run(call_webhooks.once())
    return total


async def _react(database: DatabaseThread) -> int:
    try:
        return await database.run(_react_now)
    except Error as error:
        log.warning("what there is to react to cannot be read: %s", error)
        return 0


def _react_now() -> int:
    return submitting.submit_due() + delivery_events.react()


async def _news(topics: asyncio.Queue[str], stop: asyncio.Event) -> None:
    """Wait for a delivery event, for `stop`, or for a second to pass."""
    stopped = asyncio.create_task(stop.wait())
    heard = asyncio.create_task(live.heard(topics, live.DELIVERY))
    await asyncio.wait([stopped, heard], timeout=POLL_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    heard.cancel()
