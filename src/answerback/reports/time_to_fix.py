"""How long it takes until an answer that did not arrive is put right."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import OuterRef, Subquery

from answerback.outbound.models import Delivery, Message, Resolution
from answerback.reports.over_time import Period

MOST = 20_000  # failures that are looked at, the newest
STEPS = (timedelta(hours=1), timedelta(hours=4), timedelta(days=1))


@dataclass(frozen=True)
class Times:
    """`within[i]` were done in STEPS[i] at most. `median` is None where nothing is done yet."""

    total: int
    done: int
    within: tuple[int, ...]
    median: timedelta | None

    @property
    def open(self) -> int:
        return self.total - self.done


def fixed(within: Period) -> Times:
    """Answers that failed in the period: how soon each was resolved, by whatever means."""
    resolved = Resolution.objects.filter(delivery=OuterRef("pk"), revoked_at__isnull=True).order_by("at")
    rows = Delivery.objects.filter(
        failed_at__gte=within.start, failed_at__lt=within.end, kind=Message.Kind.ANSWER
    ).order_by("-failed_at", "-id")
    found = rows.annotate(fixed_at=Subquery(resolved.values("at")[:1])).values_list("failed_at", "fixed_at")[:MOST]
    return of([fixed_at - failed_at if fixed_at and failed_at else None for failed_at, fixed_at in found])


def of(times: Sequence[timedelta | None]) -> Times:
    """None is what is not done yet."""
    done = [time for time in times if time is not None]
    return Times(
        total=len(times),
        done=len(done),
        within=tuple(sum(time <= step for time in done) for step in STEPS),
        median=timedelta(seconds=statistics.median(time.total_seconds() for time in done)) if done else None,
    )
