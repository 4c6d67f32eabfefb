"""The delivering worker: the engine, woken whenever something new can be sent."""

from __future__ import annotations

import asyncio
import logging

from answerback.core import live, mail_settings
from answerback.outbound.engine import Engine

RESTART_SECONDS = 1.0
log = logging.getLogger(__name__)


async def run(stop: asyncio.Event, hub: live.Hub) -> None:
    """Send mail until `stop`. An engine that broke by a bug of ours is replaced by a new one, and so is one that was
    built from other settings than those of now: at its start it puts what waits into today's lane."""
    while not stop.is_set():
        settings = mail_settings.in_force()
        engine, over = Engine(), asyncio.Event()
        helpers = [asyncio.create_task(_wake(engine, hub)), asyncio.create_task(_end(over, settings, stop))]
        try:
            await engine.run(over)
        except Exception:
            log.exception("the delivery engine broke and is started again")
            await asyncio.sleep(RESTART_SECONDS)
        finally:
            for helper in helpers:
                helper.cancel()


async def once() -> None:
    """Send all that is due now."""
    await Engine().run(asyncio.Event(), once=True)


async def _end(over: asyncio.Event, settings: tuple[str, ...], stop: asyncio.Event) -> None:
    await mail_settings.until_other_than(settings, stop)
    over.set()


async def _wake(engine: Engine, hub: live.Hub) -> None:
    topics = hub.subscribe()
    try:
        while True:
            if await topics.get() in (live.OUTBOX, live.ANYTHING):
                engine.wake()
    finally:
        hub.unsubscribe(topics)
