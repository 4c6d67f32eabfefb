"""Telling open pages and waiting workers what changed.

Topics: `ticket:ID`, `tickets` (lists and counts), `delivery` (a delivery event to react to), `outbox` (something to
send), `sending` (whether mail can leave at all), `webhooks` (a call to make), `person:ID`, `notices:ID` (of an
account), `job:ID`, `jobs` (one began or ended), `draft:ID` (a ticket about to be opened), `presence:ID` (who is at
a ticket). Only the one writers publish: `tickets.update`, `outbound.lifecycle` and its neighbours, `people.identities`,
`desk.telling.notices`, `desk.calling_webhooks.webhooks`, `desk.jobs`. A topic says where to look, never what is there:
whoever hears it reads the tables again.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Collection, Iterable
from datetime import timedelta

from answerback.core import clock, db

ANYTHING = db.ANYTHING
OUTBOX = "outbox"
DELIVERY = "delivery"
JOBS = "jobs"

KEPT = timedelta(minutes=5)
_QUEUE_SIZE = 256


def publish(*topics: str) -> None:
    """Announce changes of `topics`. Belongs inside the writer's transaction: nothing is heard of a rollback."""
    db.publish(topics)


def publish_tickets_of(table: str, ids: Collection[int]) -> None:
    """The same of the tickets that these rows belong to, without reading which they are."""
    db.publish_values("ticket", table, "ticket_id", ids)


def forget_old() -> int:
    """Delete the rows that every process has seen long ago."""
    return db.forget_changes(clock.now() - KEPT)


class Hub:
    """Hands the topics that change to every subscriber in this process's event loop.

    One thread follows the database. A subscriber that does not read finds ANYTHING in its queue instead of a backlog.
    """

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[str]] = set()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._ready = asyncio.Event()

    async def start(self) -> None:
        """Begin to follow. What commits after this returns is heard."""
        loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._follow, args=(loop,), name="live", daemon=True)
        self._thread.start()
        await self._ready.wait()

    async def stop(self) -> None:
        self._stop.set()
        if self._thread:
            await asyncio.to_thread(self._thread.join)

    def subscribe(self) -> asyncio.Queue[str]:
        queue: asyncio.Queue[str] = asyncio.Queue(_QUEUE_SIZE)
        self._queues.add(queue)
        return queue

    def unsubscribe(self, queue: asyncio.Queue[str]) -> None:
        self._queues.discard(queue)

    def _follow(self, loop: asyncio.AbstractEventLoop) -> None:
        for topics in db.changes(self._stop):
            if loop.is_closed():
                return
            loop.call_soon_threadsafe(self._hand_out, topics)

    def _hand_out(self, topics: Iterable[str]) -> None:
        self._ready.set()
        for queue in self._queues:
            for topic in topics:
                _offer(queue, topic)


async def heard(topics: asyncio.Queue[str], topic: str) -> None:
    """Wait until something of that topic is said. What else was said by then is answered by the same look."""
    while await topics.get() not in (topic, ANYTHING):
        pass
    while not topics.empty():
        topics.get_nowait()


def _offer(queue: asyncio.Queue[str], topic: str) -> None:
    try:
        queue.put_nowait(topic)
    except asyncio.QueueFull:
        while not queue.empty():
            queue.get_nowait()
        queue.put_nowait(ANYTHING)
