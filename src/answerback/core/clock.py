"""The one place that reads the time. Tests travel in it; nobody else calls `datetime.now`."""

from __future__ import annotations

from datetime import date, datetime

from django.utils import timezone


def now() -> datetime:
    """Aware, UTC."""
    return timezone.now()


def today() -> date:
    """The date in UTC: what signed return paths count in."""
    return now().date()
