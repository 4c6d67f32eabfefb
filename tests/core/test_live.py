"""What one process publishes, the others hear; on both databases."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta

import pytest
from django.db import OperationalError, connection, connections, transaction

from answerback.core import clock, db, live
from answerback.core.models import LiveChange

pytestmark = pytest.mark.django_db(transaction=True)


def in_another_thread(work: object) -> None:
    """With a connection of its own, as another process would have."""

    def run() -> None:
        work()  # type: ignore[operator]
        connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


def publish_and_roll_back() -> None:
    with transaction.atomic():
        live.publish("ticket:1")
        transaction.set_rollback(True)


def publish_together() -> None:
    with transaction.atomic():
        live.publish("ticket:2")
        live.publish("tickets")


def hear(*deeds: object) -> list[str]:
    """The topics that a subscriber hears of the deeds, up to the topic "end"."""

    async def story() -> list[str]:
        hub = live.Hub()
        await hub.start()
        queue = hub.subscribe()
        for deed in (*deeds, lambda: live.publish("end")):
            await asyncio.to_thread(in_another_thread, deed)
        heard: list[str] = []
        async with asyncio.timeout(5):
            while (topic := await queue.get()) != "end":
                heard.append(topic)
        await hub.stop()
        return heard

    return asyncio.run(story())


def test_a_commit_is_heard() -> None:
    assert sorted(hear(publish_together)) == ["ticket:2", "tickets"]


def test_a_rollback_is_not() -> None:
    assert hear(publish_and_roll_back) == []


def test_what_was_before_is_not_heard() -> None:
    live.publish("old")
    assert hear() == []


def test_it_is_heard_soon() -> None:
    async def story() -> float:
        hub = live.Hub()
        await hub.start()
        queue = hub.subscribe()
        loop = asyncio.get_running_loop()
        began = loop.time()
        await asyncio.to_thread(in_another_thread, lambda: live.publish("ticket:3"))
        async with asyncio.timeout(5):
            await queue.get()
        took = loop.time() - began
        await hub.stop()
        return took

    assert asyncio.run(story()) < 1


def test_a_subscriber_that_does_not_read_is_told_that_it_missed_something() -> None:
    async def story() -> list[str]:
        hub = live.Hub()
        queue = hub.subscribe()
        hub._hand_out(f"ticket:{number}" for number in range(1000))
        topics = []
        while not queue.empty():
            topics.append(queue.get_nowait())
        return topics

    topics = asyncio.run(story())
    assert topics[0] == live.ANYTHING
    assert len(topics) <= 256


def test_old_traces_are_forgotten() -> None:
    LiveChange.objects.create(topic="old", at=clock.now() - timedelta(minutes=6))
    LiveChange.objects.create(topic="new", at=clock.now())
    assert live.forget_old() == 1
    assert [change.topic for change in LiveChange.objects.all()] == ["new"]


def test_a_database_thread_survives_a_broken_connection() -> None:
    if not db.is_postgresql():
        pytest.skip("nothing can break between us and SQLite")

    async def story() -> int:
        thread = db.DatabaseThread("test")
        try:
            await thread.run(_count)
            with pytest.raises(OperationalError):
                await thread.run(_cut_the_line)
            return await thread.run(_count)
        finally:
            await thread.close()

    assert asyncio.run(story()) == 0


def _count() -> int:
    return LiveChange.objects.count()


def _cut_the_line() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")


def test_one_look_answers_all_that_was_said_before_it() -> None:
    async def story() -> None:
        topics: asyncio.Queue[str] = asyncio.Queue()
        for topic in ("tickets", "delivery", "delivery", live.ANYTHING):
            topics.put_nowait(topic)
        await live.heard(topics, "delivery")
        assert topics.empty()
        waiting = asyncio.create_task(live.heard(topics, "delivery"))
        topics.put_nowait("tickets")
        await asyncio.sleep(0)
        topics.put_nowait(live.ANYTHING)
        await asyncio.wait_for(waiting, 5)

    asyncio.run(story())
