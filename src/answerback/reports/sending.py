"""How sending goes right now: the queue, its oldest, the lanes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Min, Q

from answerback.core import clock
from answerback.outbound import lanes, way_back
from answerback.outbound.models import Delivery, Lane
from mailroom.states import State

LATE = timedelta(minutes=10)  # a due delivery older than this is a sign that nobody sends
_WAITING = (State.QUEUED, State.DEFERRED)


@dataclass(frozen=True)
class Queue:
    """Counts of deliveries that are not settled."""

    due: int
    later: int
    sending: int
    held: int
    oldest_due: datetime | None


@dataclass(frozen=True)
class LaneStanding:
    """A destination: the lane if it has ever been in trouble or paused, and what waits for it."""

    destination: str
    lane: Lane | None
    waiting: int
    next_attempt_at: datetime | None


def queue() -> Queue:
    """Two queries over indexed columns, however long the history is."""
    now = clock.now()
    due = Q(state__in=_WAITING, next_attempt_at__lte=now)
    counted = Delivery.objects.filter(state__in=[*_WAITING, State.SENDING, State.HELD]).aggregate(
        due=Count("pk", filter=due),
        later=Count("pk", filter=Q(state__in=_WAITING) & ~due),
        sending=Count("pk", filter=Q(state=State.SENDING)),
        held=Count("pk", filter=Q(state=State.HELD)),
        oldest_due=Min("next_attempt_at", filter=due),
    )
    return Queue(**counted)


def lane_standings() -> Sequence[LaneStanding]:
    """Every destination with something waiting, a pause or trouble; trouble first."""
    waiting = {
        row["destination"]: row
        for row in Delivery.objects.filter(state__in=[*_WAITING, State.SENDING])
        .values("destination")
        .annotate(count=Count("pk"), next=Min("next_attempt_at"))
    }
    rows = {lane.destination: lane for lane in Lane.objects.select_related("paused_by__person")}
    found = [
        LaneStanding(name, rows.get(name), waiting.get(name, {}).get("count", 0), waiting.get(name, {}).get("next"))
        for name in sorted(rows.keys() | waiting.keys())
    ]
    return sorted(found, key=lambda one: (one.lane is None or one.lane.trouble_since is None, -one.waiting))


def health() -> str:
    """The gravest of these.

    `down`: a fault of ours keeps mail from leaving; `blind`: failure reports do not reach us; `waiting`: due mail is
    late or a lane is paused; `fine`.
    """
    if lanes.sending_is_down():
        return "down"
    if way_back.reports_reach_us() is False:
        return "blind"
    late = Delivery.objects.filter(state__in=_WAITING, next_attempt_at__lt=clock.now() - LATE)
    return "waiting" if late.exists() or Lane.objects.filter(paused_at__isnull=False).exists() else "fine"
