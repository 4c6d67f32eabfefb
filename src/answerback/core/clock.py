"""The one place that reads the time. Nobody else calls `datetime.now`; demo data and tests travel here."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime

from django.utils import timezone

_travelled: ContextVar[datetime | None] = ContextVar("travelled", default=None)


def now() -> datetime:
    """Aware, UTC."""
    return _travelled.get() or timezone.now()


def today() -> date:
    """The date in UTC: what signed return paths count in."""
    return now().date()


class Stopwatch:
    """Counts from when it is made, by the clock that has gone further since: what others may hold to be over is over.

    Of a machine that was suspended, or a virtual one that was paused, the monotonic clock stood still (Linux:
    clock_gettime(2)); the wall clock is put right once it goes on.
    """

    def __init__(self) -> None:
        self._began = now(), time.monotonic()

    def seconds(self) -> float:
        began, began_monotonic = self._began
        return max((now() - began).total_seconds(), time.monotonic() - began_monotonic)


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    """Within the block, in this thread or task, it is `moment`."""
    token = _travelled.set(moment)
    try:
        yield
    finally:
        _travelled.reset(token)
