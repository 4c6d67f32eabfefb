"""What `serve`, `web`, `worker` and `demo` share: one event loop that runs parts until a signal, and ends cleanly."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import uvloop

Part = Callable[[asyncio.Event], Coroutine[Any, Any, None]]

END_WITHIN = 10.0  # seconds from the signal to the end
SWITCH_SECONDS = 0.0005  # the usual five milliseconds are as long as a transaction, in which others wait for a thread
log = logging.getLogger(__name__)


def run(parts: Mapping[str, Part]) -> None:
    """Run all parts side by side. The first to fail ends the others, and its exception goes on to the caller."""
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.collect()
    gc.freeze()  # what is loaded by now stays: to look it through again and again takes a twentieth of a worker's time
    uvloop.run(_run(parts))


async def _run(parts: Mapping[str, Part]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    tasks = {asyncio.create_task(part(stop), name=name) for name, part in parts.items()}
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({*tasks, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    await _end(tasks)


async def _end(tasks: set[asyncio.Task[None]]) -> None:
    done, late = await asyncio.wait(tasks, timeout=END_WITHIN)
    for task in late:
        log.warning("%s did not end within %.0f s and is cut off", task.get_name(), END_WITHIN)
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)
    for task in done:
        if error := task.exception():
            raise error
