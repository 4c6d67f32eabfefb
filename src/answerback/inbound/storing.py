"""Group commit: messages that arrive while one commit is under way are stored together by the next.

A durable commit costs a disk sync, whatever it holds. The event loop hands messages over and waits; one thread stores
whatever has gathered and wakes those who wait. Nobody is told "stored" before the commit returned.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from django.db import DatabaseError

from answerback.core.db import DatabaseThread
from answerback.store import raw
from answerback.store.raw import Incoming

BATCH = 200
log = logging.getLogger(__name__)


class Storing:
    """The one writer of a process's doorway. `stored` is called in the event loop after each commit."""

    def __init__(self, stored: Callable[[], None] = lambda: None) -> None:
        self._stored = stored
        self._waiting: list[tuple[Incoming, asyncio.Future[int]]] = []
        self._database = DatabaseThread("store-mail")
        self._task: asyncio.Task[None] | None = None

    async def store(self, incoming: Incoming) -> int:
        """The id of the RawMail, once it is durable. Raises OSError or DatabaseError where it could not be stored."""
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append((incoming, future))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())
        return await future

    async def close(self) -> None:
        """Store what was handed over, then let go of the database."""
        if self._task:
            await self._task
        await self._database.close()

    async def _work(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
            results = await self._database.run(_store, [incoming for incoming, _ in batch])
            for (_, future), result in zip(batch, results, strict=True):
                _answer(future, result)
            self._stored()


def _store(batch: list[Incoming]) -> list[int | Exception]:
    """Store the batch with one commit; where that fails, each alone, so that one message cannot keep others out."""
    try:
        return [row.pk for row in raw.save_all(batch)]
    except (OSError, DatabaseError, ValueError) as error:
        log.error("mail could not be stored: %s", error)
        return [error] if len(batch) == 1 else [_store([incoming])[0] for incoming in batch]


def _answer(future: asyncio.Future[int], result: int | Exception) -> None:
    if future.done():  # the client went away meanwhile; the message is stored all the same
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)
