"""Runs workers in one event loop: receive, deliver, react, tidy, any of them, each also alone in a process of its own.

They share nothing but the database. A worker that ends by an error ends all of them: whoever started the process
starts it again, and the queue is as it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine

from answerback.core import live, mail_settings
from answerback.workers import deliver, react, receive, tidy

NAMES = ("receive", "deliver", "react", "tidy")
_WOKEN = {"deliver", "react"}


async def run(
    names: Collection[str],
    stop: asyncio.Event,
    listening: Callable[[str, int], None] = lambda host, port: None,
) -> None:
    """Run the workers of these names until `stop`. `listening` hears where mail is taken.

    OSError where SMTP_LISTEN cannot be had.
    """
    hub = live.Hub()
    if _WOKEN & set(names):
        await hub.start()
    workers: dict[str, Callable[[], Coroutine[None, None, None]]] = {
        "receive": lambda: receive.run(stop, listening),
        "deliver": lambda: deliver.run(stop, hub),
        "react": lambda: react.run(stop, hub),
        "tidy": lambda: tidy.run(stop),
    }
    tasks = [asyncio.create_task(workers[name](), name=name) for name in names]
    tasks.append(asyncio.create_task(mail_settings.follow(stop), name="settings"))
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        stop.set()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        await hub.stop()
    for error in results:
        if isinstance(error, BaseException):
            raise error


def run_once(names: Collection[str]) -> None:
    """Let each worker do all there is to do now, in the order in which one makes work for the next."""
    if "tidy" in names:
        tidy.once()
    if "receive" in names:
        receive.once()
    if "deliver" in names:
        asyncio.run(deliver.once())
    if "react" in names:
        react.once()
