"""The part of the reacting worker that calls webhooks: several at once, with no transaction while the network is used.

The rows are the queue. A wake-up makes it quick, a look every second makes it certain.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter

from django.db import Error

from answerback.core import clock, live
from answerback.core.db import DatabaseThread
from answerback.desk.calling_webhooks import webhook_http, webhook_queue, webhooks
from answerback.desk.calling_webhooks.webhook_queue import AT_ONCE, Claimed

POLL_SECONDS = 1.0
SLOTS = 16
GRACE = 3.0  # seconds for calls under way when we are told to stop; what is cut off is due again after its lease
log = logging.getLogger(__name__)


async def run(stop: asyncio.Event, hub: live.Hub) -> None:
    """Call webhooks until `stop`."""
    database = DatabaseThread("webhooks")
    topics = hub.subscribe()
    running: dict[asyncio.Task[None], int] = {}  # -> webhook id
    try:
        while not stop.is_set():
            if not await _begin(database, running):
                await _news(topics, stop, running)
            running = {task: webhook_id for task, webhook_id in running.items() if not task.done()}
    finally:
        hub.unsubscribe(topics)
        await _end(running)
        await database.close()


async def once() -> None:
    """Make all calls that are due now, each one time."""
    database = DatabaseThread("webhooks")
    while claimed := await _claim(database, SLOTS, Counter()):
        await asyncio.gather(*(_call(database, one) for one in claimed))
    await database.close()


async def _begin(database: DatabaseThread, running: dict[asyncio.Task[None], int]) -> bool:
    """Start what is due and has a slot. False where there was nothing."""
    free = SLOTS - len(running)
    claimed = await _claim(database, free, Counter(running.values())) if free else []
    for one in claimed:
        running[asyncio.create_task(_call(database, one))] = one.webhook_id
    return bool(claimed)


async def _claim(database: DatabaseThread, limit: int, running: Counter[int]) -> list[Claimed]:
    busy = [webhook_id for webhook_id, count in running.items() if count >= AT_ONCE]
    try:
        return await database.run(webhook_queue.claim, limit, busy)
    except Error as error:
        log.warning("webhook calls cannot be read: %s", error)
        return []


async def _call(database: DatabaseThread, claimed: Claimed) -> None:
    try:
        answer = await webhook_http.post(claimed.request, clock.now())
        await database.run(webhook_queue.record, claimed, answer)
    except Exception:  # the lease ends, and it is called again
        log.exception("the outcome of webhook call %s could not be stored", claimed.call_id)


async def _news(topics: asyncio.Queue[str], stop: asyncio.Event, running: dict[asyncio.Task[None], int]) -> None:
    """Wait for a new call, for a slot, for `stop`, or for a second to pass."""
    stopped = asyncio.create_task(stop.wait())
    heard = asyncio.create_task(live.heard(topics, webhooks.TOPIC))
    await asyncio.wait([stopped, heard, *running], timeout=POLL_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    heard.cancel()


async def _end(running: dict[asyncio.Task[None], int]) -> None:
    if not running:
        return
    _, late = await asyncio.wait(running, timeout=GRACE)
    for task in late:
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)
