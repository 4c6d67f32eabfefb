"""Time that a fault of ours costs: it counts against nobody who waits.

Policy: the account is the lane's. It holds what earlier troubles cost there and since when the present one lasts, so
that a hiccup writes one row, however many deliveries wait. A delivery has lost what its lane has lost since it came:
`Delivery.waited_seconds` begins below zero, by what the lane had lost before, and the two together are what it lost.
A fault that met one message alone is its own, counted from `waiting_since`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from django.db.models import BigIntegerField, F, OuterRef, Subquery, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Greatest

from answerback.core import clock, db
from answerback.core.db import SecondsBetween
from answerback.outbound.models import Delivery, Lane
from mailroom.states import State

_HAS_LOST = "(trouble_since IS NOT NULL OR waited_seconds > 0)"


def lanes_of(destinations: Collection[str]) -> dict[str, Lane]:
    """What we know of these destinations, by their names."""
    return {lane.destination: lane for lane in Lane.objects.filter(destination__in=destinations)}


def accounts_of(destinations: Collection[str]) -> dict[str, Lane]:
    """The lanes among these that have lost time. Few ever have, and the ORM is slow to say so for every mail."""
    if not destinations:
        return {}
    places = ", ".join(["%s"] * len(destinations))
    question = f"SELECT destination FROM outbound_lane WHERE destination IN ({places}) AND {_HAS_LOST}"  # noqa: S608
    names = [name for (name,) in db.rows(question, list(destinations))]
    return lanes_of(names) if names else {}


def begin(rows: Sequence[Delivery]) -> None:
    """They come into their lanes now; what was lost there before is not theirs. Saves nothing."""
    known = accounts_of({row.destination for row in rows})
    for row in rows:
        row.waited_seconds, row.waiting_since = -_lost(known.get(row.destination), row.queued_at), None


def seconds(row: Delivery, lane: Lane | None, now: datetime) -> int:
    """What the delivery has lost so far, by its lane's trouble of now as well."""
    return max(0, row.waited_seconds + _lost(lane, now))


def waits_for_us(row: Delivery, lane: Lane | None) -> bool:
    """Whether it is a fault of ours that it waits for, met by itself or by others. Only of what is not settled.

    Mail that a server had deferred keeps what that server said. What met a fault that is over is merely not tried yet.
    """
    if row.ours:
        return not (lane and lane.trouble_ended_at and lane.trouble_ended_at >= row.updated_at)
    return row.state != State.DEFERRED and lane is not None and lane.trouble_since is not None


def due_since(at: datetime, lane: Lane | None) -> datetime:
    """Since when mail that is due `at` that time could leave: nobody is late in a pause, or while our fault lasts."""
    ends = (lane.trouble_ended_at, lane.resumed_at) if lane else ()
    return max(filter(None, (at, *ends)))


def moved_to(destination: str) -> Combinable:
    """The new `waited_seconds` of a delivery that changes its lane: it keeps what it lost in the old one."""
    return F("waited_seconds") + _lost_in(OuterRef("destination")) - _lost_in(Value(destination))


def in_present_trouble(now: datetime) -> Combinable:
    """The seconds of a lane's trouble that lasts until now."""
    return Greatest(0, SecondsBetween(now, F("trouble_since")), output_field=BigIntegerField())


def _lost(lane: Lane | None, now: datetime) -> int:
    if lane is None:
        return 0
    lasting = (now - lane.trouble_since).total_seconds() if lane.trouble_since else 0
    return lane.waited_seconds + max(0, int(lasting))


def _lost_in(destination: Combinable) -> Combinable:
    """The same in the database."""
    lane = Lane.objects.filter(destination=destination)
    return Coalesce(Subquery(lane.values_list(F("waited_seconds") + Coalesce(in_present_trouble(clock.now()), 0))), 0)
