"""How sending goes right now: the queue, its oldest, the lanes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Min, Q, QuerySet

from answerback.core import clock
from answerback.outbound import alarms, lanes, lost_time, traffic, way_back
from answerback.outbound.models import Delivery, Lane
from answerback.outbound.pace import Rate
from answerback.outbound.traffic import Use
from mailroom.states import State

LATE = timedelta(minutes=10)  # a due delivery older than this is a sign that nobody sends
LANES_SHOWN = 200
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
    """A destination: what is known of it, what waits for it, what the workers do there."""

    destination: str
    lane: Lane | None
    waiting: int = 0
    next_attempt_at: datetime | None = None
    oldest_due: datetime | None = None
    use: Use | None = None
    rate: Rate | None = None

    @property
    def state(self) -> str:
        """The first that holds of paused, refuses (us), silent, limited, open."""
        if self.lane and self.lane.paused_at:
            return "paused"
        if self.lane and self.lane.trouble_since:
            return "refuses"
        if self.use and self.use.silent:
            return "silent"
        return "limited" if self.is_held_back else "open"

    @property
    def is_held_back(self) -> bool:
        """Mail is due, and the rate limit is used up: workers take what it allows."""
        used = self.lane.used_until if self.lane else None
        return bool(self.rate and self.oldest_due and used and used > clock.now() - self.rate.interval)


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
    """Destinations with mail under way, a pause, a limit or trouble; trouble first, then where most waits."""
    waiting = _waiting_by_destination(Delivery.objects.filter(next_attempt_at__isnull=False))
    under_way = _waiting_by_destination(Delivery.objects.filter(state=State.SENDING))
    uses = traffic.uses()
    told = Q(paused_at__isnull=False) | Q(trouble_since__isnull=False) | ~Q(rate="")
    named = set(Lane.objects.filter(told).values_list("destination", flat=True)) | set(uses)
    most = sorted(waiting.keys() | under_way.keys(), key=lambda name: -_count(waiting, name) - _count(under_way, name))
    names = named | set(most[:LANES_SHOWN])
    rows = _lanes(names)
    found = [
        LaneStanding(
            name,
            rows.get(name),
            _count(waiting, name) + _count(under_way, name),
            waiting.get(name, {}).get("next"),
            waiting.get(name, {}).get("oldest"),
            uses.get(name),
            lanes.rate_of(name, rows.get(name)),
        )
        for name in sorted(names)
    ]
    return sorted(found, key=lambda one: (one.lane is None or one.lane.trouble_since is None, -one.waiting))


def lane_standing(destination: str) -> LaneStanding:
    """One destination, also where nothing is known of it."""
    found = (one for one in lane_standings() if one.destination == destination)
    lane = _lanes({destination}).get(destination)
    return next(found, LaneStanding(destination, lane, rate=lanes.rate_of(destination, lane)))


def oldest_late() -> datetime | None:
    """Since when the oldest late delivery is due; None where none is. Held back on purpose is not late."""
    late = Delivery.objects.filter(next_attempt_at__lt=clock.now() - LATE)
    found = _waiting_by_destination(late.exclude(destination__in=lanes.paused_destinations()))
    rows = _lanes(set(found))
    standings = [
        LaneStanding(name, rows.get(name), oldest_due=row["oldest"], rate=lanes.rate_of(name, rows.get(name)))
        for name, row in found.items()
    ]
    since = [
        lost_time.due_since(one.oldest_due, one.lane) for one in standings if one.oldest_due and not one.is_held_back
    ]
    return min((one for one in since if one < clock.now() - LATE), default=None)


def _waiting_by_destination(rows: QuerySet[Delivery]) -> dict[str, dict[str, Any]]:
    due = Q(next_attempt_at__lte=clock.now())
    counted = (
        rows.order_by()
        .values("destination")
        .annotate(count=Count("pk"), next=Min("next_attempt_at"), oldest=Min("next_attempt_at", filter=due))
    )
    return {row["destination"]: row for row in counted}


def _count(rows: Mapping[str, Mapping[str, Any]], name: str) -> int:
    return rows[name]["count"] if name in rows else 0


def _lanes(names: Collection[str]) -> dict[str, Lane]:
    rows = Lane.objects.filter(destination__in=names).select_related("paused_by__person", "rate_by__person")
    return {lane.destination: lane for lane in rows}


def health() -> str:
    """The gravest of these.

    `down`: a fault of ours keeps mail from leaving; `blind`: failure reports do not reach us; `alarm`: a destination
    does worse than usual; `waiting`: due mail is late or a lane is paused; `fine`.
    """
    if lanes.sending_is_down():
        return "down"
    if way_back.reports_reach_us() is False:
        return "blind"
    if alarms.told():
        return "alarm"
    return "waiting" if oldest_late() or lanes.paused_destinations() else "fine"
