"""Mail over time: accepted, deferred, refused, bounced and complained about, per hour or per day.

The database counts by hours since the beginning, in one query; days are put together here, because only the calendar
knows that some have 23 or 25 hours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta

from django.db.models import Count, F, IntegerField, Value
from django.db.models.expressions import Combinable
from django.utils import timezone

from answerback.core import clock
from answerback.core.db import SecondsBetween
from answerback.reports import mail_events
from answerback.reports.mail_events import ACCEPTED, BOUNCED, COMPLAINT, DEFERRED, REFUSED, WHAT, Wanted

SERIES = (ACCEPTED, DEFERRED, REFUSED, BOUNCED, COMPLAINT)
PERIODS = {"24h": timedelta(hours=23), "7d": timedelta(days=6), "30d": timedelta(days=29), "90d": timedelta(days=89)}


@dataclass
class Bucket:
    """An hour or a day."""

    start: datetime
    end: datetime
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SERIES, 0))

    def count(self, series: str) -> int:
        return self.counts[series]


@dataclass(frozen=True)
class Period:
    name: str  # a key of PERIODS
    start: datetime
    end: datetime

    @property
    def hourly(self) -> bool:
        return self.name == "24h"


def period(name: str) -> Period:
    """Ends with the hour or the day under way, in the reader's time zone; "7d" for what is no period."""
    name = name if name in PERIODS else "7d"
    now = timezone.localtime(clock.now())
    if name == "24h":
        end = now.replace(minute=0, second=0, microsecond=0).astimezone(UTC) + timedelta(hours=1)
        return Period(name, end - PERIODS[name] - timedelta(hours=1), end)
    return Period(name, _midnight(now - PERIODS[name]), _midnight(now + timedelta(days=1)))


def count(within: Period, kind: str = "") -> list[Bucket]:
    """Every hour or day of the period, oldest first, also where nothing happened."""
    buckets = _hours(within) if within.hourly else _days(within)
    start, at = within.start, 0
    for hour, counts in _by_hour(within, kind):
        moment = start + timedelta(hours=hour)
        while at < len(buckets) - 1 and moment >= buckets[at].end:
            at += 1
        for series, number in counts.items():
            buckets[at].counts[series] += number
    return buckets


def totals(buckets: Sequence[Bucket]) -> dict[str, int]:
    return {series: sum(bucket.counts[series] for bucket in buckets) for series in SERIES}


def _by_hour(within: Period, kind: str) -> list[tuple[int, dict[str, int]]]:
    start: Combinable = Value(within.start)
    rows = (
        mail_events.find(Wanted(within.start, within.end, kind=kind))
        .order_by()
        .annotate(hour=SecondsBetween(F("at"), start) / Value(3600, output_field=IntegerField()))
        .values("hour")
        .annotate(**{series: Count("pk", filter=WHAT[series]) for series in SERIES})
        .order_by("hour")
    )
    return [(row["hour"], {series: row[series] for series in SERIES}) for row in rows]


def _hours(within: Period) -> list[Bucket]:
    hour = timedelta(hours=1)
    number = int((within.end - within.start) / hour)
    return [Bucket(within.start + index * hour, within.start + (index + 1) * hour) for index in range(number)]


def _days(within: Period) -> list[Bucket]:
    number = (timezone.localtime(within.end).date() - timezone.localtime(within.start).date()).days
    edges = [_midnight(timezone.localtime(within.start) + timedelta(days=index, hours=12)) for index in range(number)]
    return [Bucket(start, end) for start, end in zip(edges, [*edges[1:], within.end], strict=True)]


def _midnight(moment: datetime) -> datetime:
    """In UTC: Python adds hours to a local time as if no clock ever changed."""
    return timezone.make_aware(datetime.combine(timezone.localtime(moment).date(), time.min)).astimezone(UTC)
