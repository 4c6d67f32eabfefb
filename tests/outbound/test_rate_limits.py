"""A limited destination gets no more than its rate allows, however many workers take mail for it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
import time_machine
from asgiref.sync import sync_to_async
from tests.outbound.hop import Hop
from tests.outbound.test_engine import answer_to, send_all, states

from answerback.core import clock
from answerback.core.db import DatabaseThread
from answerback.outbound import claims, lanes
from answerback.outbound.models import Delivery, Lane
from answerback.outbound.pace import Rate

pytestmark = pytest.mark.django_db(transaction=True)

RELAY = "relay.test:2525"


def plenty(destination: str, lane: Lane | None) -> int:
    return 10


async def test_workers_share_one_limit(settings: object) -> None:
    settings.RELAY_RATE = "70/hour"  # type: ignore[attr-defined]  # 7 at once
    await answer_to(*(f"ok+{number}@c.test" for number in range(12)))
    workers = [DatabaseThread(f"worker-{number}") for number in range(4)]
    rounds = await asyncio.gather(*(worker.run(claims.take, f"w{n}", "", plenty) for n, worker in enumerate(workers)))
    for worker in workers:
        await worker.close()
    taken = [claim.delivery_id for one in rounds for claim in one.claims]
    assert len(taken) == len(set(taken)) == 7
    assert any(one.wait for one in rounds), "and who comes too late knows when to come again"


@sync_to_async
def taken_later(after: timedelta) -> int:
    with time_machine.travel(clock.now() + after, tick=False):
        return len(claims.take("later", "", plenty).claims)


async def test_time_brings_the_next(settings: object) -> None:
    settings.RELAY_RATE = "1/minute"  # type: ignore[attr-defined]
    await answer_to("ok+1@c.test", "ok+2@c.test", "ok+3@c.test")
    assert [await taken_later(timedelta(seconds=second)) for second in (1, 30, 62, 63)] == [1, 0, 1, 0]


async def test_a_limited_relay_gets_answers_first_and_the_rest_waits(settings: object) -> None:
    settings.RELAY_RATE = "20/day"  # type: ignore[attr-defined]
    async with Hop() as hop:
        settings.RELAY_URL = hop.url  # type: ignore[attr-defined]
        await answer_to("auto+1@c.test", "auto+2@c.test", kind="automatic")
        await answer_to("answer+1@c.test")
        await send_all()
        assert len(hop.kept) == 2
        assert hop.copies("answer+1@c.test")
        assert list((await states()).values()).count("queued") == 1
        await sync_to_async(lanes.limit)(f"127.0.0.1:{hop.port}", Lane.UNLIMITED, None)
        await send_all()
        assert set((await states()).values()) == {"accepted"}


def test_whose_limit_holds(settings: object) -> None:
    settings.RELAY_RATE = "30/minute"  # type: ignore[attr-defined]
    lanes.limit("slow.test", " 5 / hour ", None)
    lanes.limit(RELAY, "", None)
    rows = {lane.destination: lane for lane in Lane.objects.all()}
    assert lanes.rate_of("slow.test", rows["slow.test"]) == Rate(5, "hour")
    assert lanes.rate_of("other.test", None) is None, "the setting is about the relay"
    assert lanes.rate_of(RELAY, rows[RELAY]) == Rate(30, "minute")
    with pytest.raises(ValueError, match="30/minute"):
        lanes.limit(RELAY, "fast", None)


async def test_retry_now_is_for_one_destination() -> None:
    await answer_to("ok+1@c.test", "ok+2@c.test")
    later = clock.now() + timedelta(hours=1)
    await Delivery.objects.aupdate(state="deferred", next_attempt_at=later)
    await Delivery.objects.filter(recipient="ok+2@c.test").aupdate(destination="elsewhere.test")
    assert await sync_to_async(lanes.retry_now)(RELAY) == 1
    assert await Delivery.objects.filter(next_attempt_at__lte=clock.now()).acount() == 1
