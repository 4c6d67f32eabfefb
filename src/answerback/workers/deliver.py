"""The delivering worker: the engine, woken whenever something new can be sent."""

from __future__ import annotations

import asyncio
import logging

from answerback.core import live
from answerback.outbound.engine import Engine

RESTART_SECONDS = 1.0
log = logging.getLogger(__name__)


async def run(stop: asyncio.Event, hub: live.Hub) -> None:
    """Send mail until `stop`. An engine that broke by a bug of ours is replaced by a new one."""
    while not stop.is_set():
        engine = Engine()
        waking = asyncio.create_task(_wake(engine, hub))
        try:
            await engine.run(stop)
        except Exception:
            log.exception("the delivery engine broke and is started again")
            await asyncio.sleep(RESTART_SECONDS)
        finally:
            waking.cancel()


async def once() -> None:
    """Send all that is due now."""
    await Engine().run(asyncio.Event(), once=True)


async def _wake(engine: Engine, hub: live.Hub) -> None:
    topics = hub.subscribe()
    try:
        while True:
            if await topics.get() in (live.OUTBOX, live.ANYTHING):
                engine.wake()
    finally:
        hub.unsubscribe(topics)
