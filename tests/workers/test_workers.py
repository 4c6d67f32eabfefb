"""Workers together: an answer goes out, is reacted to, and all end when told to."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError, connections
from tests.outbound.conftest import make_ticket, make_world, notification
from tests.outbound.hop import Hop

from answerback.core import clock, mail_settings
from answerback.inbound import process
from answerback.outbound import claims, destinations, lanes
from answerback.outbound.models import Delivery, DeliveryEvent
from answerback.people.models import Identity
from answerback.workers import receive, runner, tidy

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@sync_to_async
def one_answer() -> None:
    world = make_world()
    notification(world, make_ticket(world), [world.clara])


async def waits_for_us() -> bool:
    return await sync_to_async(lanes.in_trouble)() == {destinations.UNCONFIGURED}


async def handled() -> bool:
    return await DeliveryEvent.objects.filter(handled_at__isnull=False).aexists()


@pytest.mark.django_db(transaction=True)
def test_an_answer_goes_out_and_is_reacted_to(settings: object) -> None:
    async def story() -> None:
        stop = asyncio.Event()
        async with Hop() as hop:
            settings.RELAY_URL = hop.url  # type: ignore[attr-defined]
            workers = asyncio.create_task(runner.run(("deliver", "react", "tidy"), stop))
            await asyncio.sleep(0.5)
            await one_answer()
            async with asyncio.timeout(10):
                while not await handled():
                    await asyncio.sleep(0.02)
            stop.set()
            await asyncio.wait_for(workers, 10)
            assert len(hop.kept) == 1
        assert (await Delivery.objects.aget()).state == "accepted"
        assert await Identity.objects.filter(address="clara@customer.test").aexists()
        await sync_to_async(connections.close_all)()

    asyncio.run(story())


@pytest.mark.django_db(transaction=True)
def test_a_relay_named_while_all_runs_takes_what_waits(settings: Any) -> None:
    async def story() -> None:
        stop = asyncio.Event()
        async with Hop() as hop:
            workers = asyncio.create_task(runner.run(("deliver",), stop))
            await one_answer()
            async with asyncio.timeout(20):
                while not await waits_for_us():
                    await asyncio.sleep(0.02)
                await sync_to_async(mail_settings.change)({"RELAY_URL": hop.url})
                while not hop.kept:
                    await asyncio.sleep(0.02)
            stop.set()
            await asyncio.wait_for(workers, 10)
        row = await Delivery.objects.aget()
        assert (row.state, row.destination, row.ours) == ("accepted", f"127.0.0.1:{hop.port}", False)
        await sync_to_async(connections.close_all)()

    settings.RELAY_URL, settings.MAIL_SETTINGS_REPLACED = "", {}
    asyncio.run(story())


@pytest.mark.django_db(transaction=True)
def test_receiving_ends_where_its_reader_breaks(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else mail would be taken and never read, and nobody would know."""

    def break_down(run: Any) -> int:
        raise RuntimeError("a bug")

    settings.SMTP_LISTEN = ("127.0.0.1", 0)
    monkeypatch.setattr(process, "process_waiting", break_down)
    with pytest.raises(RuntimeError, match="a bug"):
        asyncio.run(receive.run(asyncio.Event()))


def test_a_clock_that_runs_is_no_jump() -> None:
    watch = tidy.ClockWatch(NOON, 100.0)
    assert watch.lost(NOON + timedelta(seconds=3), 103.0) == timedelta(0)
    assert watch.lost(NOON + timedelta(seconds=40), 110.0) == timedelta(0), "half a minute is a busy machine"


@pytest.mark.parametrize("jump", [timedelta(days=40), timedelta(days=-2)])
def test_a_jump_is_measured_once(jump: timedelta) -> None:
    watch = tidy.ClockWatch(NOON, 100.0)
    assert watch.lost(NOON + jump + timedelta(seconds=1), 101.0) == jump
    assert watch.lost(NOON + jump + timedelta(seconds=2), 102.0) == timedelta(0)


@pytest.mark.django_db(transaction=True)
def test_a_jump_is_forgiven_once_the_database_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that slept has often lost its connection: the first question on it fails."""
    jumps = [timedelta(hours=8)]
    asked: list[timedelta] = []

    def forgive(lost: timedelta) -> int:
        asked.append(lost)
        if len(asked) == 1:
            raise OperationalError("server closed the connection unexpectedly")
        return 0

    monkeypatch.setattr(lanes, "forgive", forgive)
    monkeypatch.setattr(tidy.ClockWatch, "lost", lambda *times: jumps.pop() if jumps else timedelta(0))
    monkeypatch.setattr(tidy, "CHORES", ())
    monkeypatch.setattr(tidy, "TICK_SECONDS", 0.01)

    async def story() -> None:
        stop = asyncio.Event()
        tidying = asyncio.create_task(tidy.run(stop))
        await asyncio.sleep(0.5)
        stop.set()
        await tidying

    asyncio.run(story())
    assert asked == [timedelta(hours=8)] * 2


@pytest.mark.django_db
def test_attempts_that_a_clock_set_back_has_put_off_are_due(settings: object) -> None:
    settings.RETRY_SCHEDULE = (300, 14400)  # type: ignore[attr-defined]
    world = make_world()
    notification(world, make_ticket(world), [world.clara, world.deniz])
    first, second = Delivery.objects.order_by("id")
    Delivery.objects.filter(pk=first.pk).update(next_attempt_at=clock.now() + timedelta(days=2))
    Delivery.objects.filter(pk=second.pk).update(next_attempt_at=clock.now() + timedelta(hours=4))
    assert claims.pull_forward() == 1
    first.refresh_from_db()
    assert first.next_attempt_at is not None
    assert first.next_attempt_at <= clock.now()


@pytest.mark.django_db
def test_the_chores_run_on_an_empty_database() -> None:
    tidy.once()


@pytest.mark.django_db(transaction=True)
def test_leases_are_left_alone_where_nobody_could_renew_them(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, settings: object
) -> None:
    """The database is away for a while: a line in the log, and no lease is thought forgotten when it is back."""
    settings.LEASE = 600  # type: ignore[attr-defined]
    done: list[str] = []

    def lose_the_database() -> None:
        done.append("lost")
        connections["default"].close()
        raise OperationalError("server closed the connection")

    losing = tidy.Chore("lose", 600, lose_the_database)
    expired = tidy.Chore("expired", 0, lambda: done.append("expired"))
    other = tidy.Chore("other", 0, lambda: done.append("other"))
    monkeypatch.setattr(tidy, "CHORES", (losing, expired, other))
    monkeypatch.setattr(tidy, "EXPIRED", expired)
    monkeypatch.setattr(tidy, "TICK_SECONDS", 0.01)

    async def story() -> None:
        stop = asyncio.Event()
        tidying = asyncio.create_task(tidy.run(stop))
        async with asyncio.timeout(20):
            while done.count("other") < 5:
                await asyncio.sleep(0.01)
        stop.set()
        await tidying

    asyncio.run(story())
    assert "expired" not in done
    assert [record.exc_info for record in caplog.records] == [None]
