"""The played mail server on the loopback, and a doorway that only collects."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP

from answerback.sandbox.server import PlayedServer


@dataclass
class Collected:
    mail_from: str
    recipients: list[str]
    content: bytes


@dataclass
class CollectingDoorway:
    mails: list[Collected] = field(default_factory=list)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.mails.append(Collected(envelope.mail_from or "", envelope.rcpt_tos, envelope.original_content))
        return "250 OK"

    def wait_for(self, count: int) -> list[Collected]:
        """The mails, once there are `count`; fails after five seconds."""
        deadline = time.monotonic() + 5
        while len(self.mails) < count:
            assert time.monotonic() < deadline, f"{len(self.mails)} mails instead of {count}"
            time.sleep(0.02)
        return self.mails


@pytest.fixture
def collecting(in_loop: Callable[[Any], Any], settings: Any) -> Iterator[CollectingDoorway]:
    doorway = CollectingDoorway()

    async def start() -> asyncio.Server:
        loop = asyncio.get_running_loop()
        return await loop.create_server(lambda: SMTP(doorway, enable_SMTPUTF8=True, loop=loop), "127.0.0.1", 0)

    server = in_loop(start())
    settings.SMTP_LISTEN = server.sockets[0].getsockname()[:2]
    settings.MAIL_DOMAIN = settings.RETURN_PATH_DOMAIN = "acme.test"
    yield doorway

    async def close() -> None:  # in its own thread: a server that is closed from another one wakes its waiters twice
        server.close()

    in_loop(close())


@pytest.fixture
def in_loop() -> Iterator[Callable[[Any], Any]]:
    """Run a coroutine in an event loop that goes on in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield lambda coroutine: asyncio.run_coroutine_threadsafe(coroutine, loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


@pytest.fixture
def played(
    in_loop: Callable[[Any], Any], collecting: CollectingDoorway, tmp_path: Path, settings: Any
) -> Iterator[tuple[str, int]]:
    """Where the played mail server listens. Reactions follow at once."""
    settings.SANDBOX_DIR = tmp_path
    settings.SANDBOX_REACTION_AFTER = 0.05
    server = PlayedServer()
    settings.SANDBOX_SMTP_LISTEN = in_loop(server.start("127.0.0.1", 0))
    yield settings.SANDBOX_SMTP_LISTEN
    in_loop(server.stop())
