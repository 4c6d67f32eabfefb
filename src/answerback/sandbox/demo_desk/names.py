"""The played name service, while the stories are played: it vouches for the customers' mail as it will later."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

from answerback.sandbox.names import NameServer

_WITHIN = 10.0  # seconds to start or stop


@contextmanager
def answering() -> Iterator[None]:
    """It answers in a thread of its own; the sandbox starts its own one when the demo runs. OSError: port taken."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="played names", daemon=True)
    thread.start()
    server = NameServer()
    try:
        asyncio.run_coroutine_threadsafe(server.start(*settings.SANDBOX_DNS_LISTEN), loop).result(_WITHIN)
        yield
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(_WITHIN)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_WITHIN)
        loop.close()
