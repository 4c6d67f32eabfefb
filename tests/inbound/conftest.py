"""A real doorway on the loopback, in an event loop of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.db import connections

from answerback.core import clock
from answerback.inbound.smtp import Doorway
from answerback.inbound.storing import Storing
from answerback.tickets.models import SupportAddress


@dataclass
class Listening:
    host: str
    port: int


@pytest.fixture
def support(transactional_db: None) -> SupportAddress:
    return SupportAddress.objects.create(
        name="Acme Support",
        address="support@acme.test",
        normal="support@acme.test",
        default=True,
        created_at=clock.now(),
    )


@pytest.fixture
def doorway(transactional_db: None, data_dir: Path, settings: object) -> Iterator[Listening]:
    """Listens at a free port, with `acme.test` as our mail domain and `back.acme.test` for return paths."""
    settings.MAIL_DOMAIN, settings.RETURN_PATH_DOMAIN = "acme.test", "back.acme.test"  # type: ignore[attr-defined]
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def start() -> tuple[Storing, Doorway, tuple[str, int]]:
        storing = Storing()
        door = Doorway(storing)
        return storing, door, await door.start("127.0.0.1", 0)

    async def stop() -> None:
        await door.stop()
        await storing.close()

    storing, door, (host, port) = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    yield Listening(host, port)
    asyncio.run_coroutine_threadsafe(stop(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()
    connections.close_all()
