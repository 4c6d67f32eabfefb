"""The one place that reads the time. Nobody else calls `datetime.now`; demo data and tests travel here."""

from __future__ import annotations

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


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    """Within the block, in this thread or task, it is `moment`."""
    token = _travelled.set(moment)
    try:
        yield
    finally:
        _travelled.reset(token)
