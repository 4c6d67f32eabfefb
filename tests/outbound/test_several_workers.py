"""Workers beside each other on one queue: woken by each other's commits, each mail sent once, one limit for all."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from asgiref.sync import sync_to_async
from tests.outbound.hop import Hop
from tests.outbound.test_engine import answer_to, is_state, running, states, until

from answerback.core import live
from answerback.outbound import engine as engines
from answerback.outbound import traffic
from answerback.outbound.engine import Engine
from answerback.workers import deliver

pytestmark = pytest.mark.django_db(transaction=True)
NEVER = 3600.0


def worker(number: int) -> Engine:
    """As if in a process of its own."""
    engine = Engine()
    engine.owner = f"{engine.owner}-{number}"
    return engine


@asynccontextmanager
async def woken() -> AsyncIterator[None]:
    """A worker as `answerback worker deliver` runs it: with somebody who hears what others commit."""
    hub, stop = live.Hub(), asyncio.Event()
    await hub.start()
    task = asyncio.create_task(deliver.run(stop, hub))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(task, 10)
        await hub.stop()


async def test_a_commit_wakes_without_polling(settings: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "POLL_SECONDS", NEVER)
    async with Hop() as hop:
        settings.RELAY_URL = hop.url  # type: ignore[attr-defined]
        async with woken():
            await asyncio.sleep(0.3)  # it has looked, found nothing, and waits
            await answer_to("ok@c.test")
            await until(lambda: is_state("ok@c.test", "accepted"))


async def test_polling_finds_what_nobody_told(settings: object) -> None:
    async with Hop() as hop:
        settings.RELAY_URL = hop.url  # type: ignore[attr-defined]
        async with running():
            await asyncio.sleep(0.3)
            await answer_to("ok@c.test")
            await until(lambda: is_state("ok@c.test", "accepted"))


async def test_each_mail_goes_once(settings: object) -> None:
    async with Hop() as hop:
        settings.RELAY_URL = hop.url  # type: ignore[attr-defined]
        await answer_to(*(f"ok+{number}@c.test" for number in range(30)))
        async with running(worker(1)), running(worker(2)), running(worker(3)):
            await until(everything_accepted)
    assert set(Counter(mail.rcpt_to for mail in hop.kept).values()) == {1}


async def everything_accepted() -> bool:
    return set((await states()).values()) == {"accepted"}


async def test_they_keep_to_one_limit_and_tell_what_they_do(settings: object) -> None:
    settings.RELAY_RATE = "100/day"  # type: ignore[attr-defined]  # ten at once, the next in a quarter of an hour
    settings.SMTP_TIMEOUTS |= {"dot": 60}  # type: ignore[attr-defined]
    async with Hop() as hop:
        settings.RELAY_URL = hop.url  # type: ignore[attr-defined]
        await answer_to(*(f"hang+{number}@c.test" for number in range(14)))
        async with running(worker(1)), running(worker(2)):
            await until(lambda: sessions_noted(f"127.0.0.1:{hop.port}"))
            taken = list((await states()).values())
        assert taken.count("sending") == 10
        assert taken.count("queued") == 4
    assert await sync_to_async(traffic.uses)() == {}, "who stops takes back what it told"


async def sessions_noted(destination: str) -> bool:
    use = (await sync_to_async(traffic.uses)()).get(destination)
    return use is not None and use.sessions == 10
