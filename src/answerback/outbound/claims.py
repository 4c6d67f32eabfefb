"""Which waiting deliveries are taken next, and what becomes of leases whose owner is gone.

Policy: destinations take turns, so that none can make the others wait; within one, answers of agents go before
automatic mail, and then who has waited longest; of a limited one no more than its rate allows all workers together.
The claim writes the intention (an Attempt row) in the same transaction. A lease is renewed while its owner lives. When
it is over, or its owner provably dead, the delivery goes back into the queue: better twice than lost.

All destinations of a look are claimed in one transaction. Where that fails, each gets one of its own: what is wrong
with a row of one of them stops that one, and no other.

The query leans on the index `delivery_due`: `next_attempt_at` is set exactly while a delivery waits. Its cost does not
grow with the length of the queue, only with the number of destinations looked at.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import connection, transaction

from answerback.core import bulk, clock, db
from answerback.outbound import lanes, lifecycle, owners
from answerback.outbound.models import Delivery, Lane
from answerback.outbound.pace import Rate
from answerback.people import identities
from answerback.people.models import Identity
from mailroom.retry import LONGEST_RETRY_AFTER, MAX_JITTER
from mailroom.states import State

log = logging.getLogger(__name__)

PRIORITIES = (0, 1)
_DESTINATIONS_A_ROUND = 100
_SLACK = timedelta(minutes=1)
_DUE = f"""
    SELECT delivery.id, delivery.recipient, message.size, identity.id IS NOT NULL
    FROM outbound_delivery AS delivery
    JOIN outbound_message AS message ON message.id = delivery.message_id
    LEFT JOIN people_identity AS identity
        ON identity.id = delivery.identity_id AND identity.deliverability = '{Identity.Deliverability.SUPPRESSED}'
    WHERE delivery.destination = %s AND delivery.priority = %s AND delivery.next_attempt_at <= %s
    ORDER BY delivery.next_attempt_at
    LIMIT %s
"""  # noqa: S608

# One index probe per destination and priority, however many deliveries wait for it.
_DUE_DESTINATIONS = """
    WITH RECURSIVE lanes(destination) AS (
        SELECT MIN(destination) FROM outbound_delivery WHERE next_attempt_at IS NOT NULL AND destination > %s
        UNION ALL
        SELECT (
            SELECT MIN(destination) FROM outbound_delivery
            WHERE next_attempt_at IS NOT NULL AND destination > lanes.destination
        )
        FROM lanes WHERE lanes.destination IS NOT NULL
    )
    SELECT destination, answers, others FROM (
        SELECT destination,
            EXISTS (
                SELECT 1 FROM outbound_delivery AS due
                WHERE due.destination = lanes.destination AND due.priority = 0 AND due.next_attempt_at <= %s
            ) AS answers,
            EXISTS (
                SELECT 1 FROM outbound_delivery AS due
                WHERE due.destination = lanes.destination AND due.priority = 1 AND due.next_attempt_at <= %s
            ) AS others
        FROM lanes WHERE destination IS NOT NULL
    ) AS looked_at
    WHERE answers OR others
    LIMIT %s
"""


class Lease(NamedTuple):
    """A delivery for one attempt. Who slept past its end may have it again by now, for another attempt."""

    delivery_id: int
    attempt: int  # its number


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery leased to this process, and the attempt that is about to be made."""

    lease: Lease
    destination: str
    recipient: str
    size: int

    @property
    def delivery_id(self) -> int:
        return self.lease.delivery_id

    @property
    def attempt(self) -> int:
        return self.lease.attempt


class _Due(NamedTuple):
    """A row of `_DUE`."""

    delivery_id: int
    recipient: str
    size: int
    may_be_suppressed: bool


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is to be claimed for a destination."""

    destination: str
    priorities: Sequence[int]
    size: int
    rate: Rate | None


_Taken = tuple[list[Claim], timedelta | None]  # how long its rate limit holds back more, None where there is none


@dataclass(frozen=True, slots=True)
class Round:
    """What one look at the queue brought.

    `after` is where the next look begins, "" for the beginning; `wait` how long rate limits hold back what is due, None
    where none does.
    """

    claims: Sequence[Claim]
    after: str
    wait: timedelta | None = None


Room = Callable[[str, Lane | None], int]


def take(owner: str, after: str, room: Room) -> Round:
    """Claim due deliveries of the destinations behind `after`, of each as many as `room` says there is place for."""
    due = _due_destinations(after)
    destinations = list(due)
    known = {lane.destination: lane for lane in Lane.objects.filter(destination__in=destinations)}
    rooms = {name: size for name in destinations if (size := room(name, known.get(name))) > 0}
    wanted = [
        _Wanted(name, due[name], size, lanes.rate_of(name, known.get(name))) for name, size in sorted(rooms.items())
    ]
    taken = _take_together(wanted, owner) if wanted else []
    claims = [claim for some, _ in taken for claim in some]
    waits = [wait for _, wait in taken if wait is not None]
    after = destinations[-1] if len(destinations) == _DESTINATIONS_A_ROUND else ""
    return Round(claims, after, min(waits, default=None))


def renew(owner: str, leases: Collection[Lease]) -> set[Lease]:
    """Prolong them. Gives those that are still ours."""
    with transaction.atomic():
        held = Delivery.objects.filter(pk__in={pk for pk, _ in leases}, owner=owner, state=State.SENDING)
        found = held.select_for_update().order_by("id").values_list("pk", "attempts")
        ours = {Lease(*row) for row in found} & set(leases)
        Delivery.objects.filter(pk__in={pk for pk, _ in ours}).update(lease_until=_lease_until())
    return ours


def give_back_unheard(owner: str, heard: Collection[Lease]) -> int:
    """Put back what was claimed in a transaction whose commit was never heard of: nobody would carry it."""
    held = Delivery.objects.filter(owner=owner, state=State.SENDING).values_list("pk", "attempts")
    return lifecycle.give_back(dict({Lease(*row) for row in held} - set(heard)), owner)


def recover_expired_leases() -> int:
    """Put back what somebody claimed and never answered for. Who holds a row is not waited for: it may have frozen."""
    with transaction.atomic():
        over = Delivery.objects.filter(lease_until__lt=clock.now()).select_for_update(skip_locked=True)
        return lifecycle.end_leases(Delivery.objects.filter(pk__in=list(over.values_list("pk", flat=True))))


def recover_from_the_dead() -> int:
    """Put back what provably dead processes of this machine had claimed, without waiting for their leases to end."""
    sending = Delivery.objects.filter(state=State.SENDING)
    names = sending.order_by("owner").values_list("owner", flat=True).distinct()
    dead = [name for name in names if owners.is_dead(name)]
    if not dead:
        return 0
    with transaction.atomic():
        return lifecycle.end_leases(Delivery.objects.filter(owner__in=dead))


def pull_forward() -> int:
    """Attempts planned later than any schedule plans them: the clock has been set back since. They are due now."""
    now = clock.now()
    longest = max(*settings.RETRY_SCHEDULE, LONGEST_RETRY_AFTER) * (1 + MAX_JITTER)
    late = Delivery.objects.filter(next_attempt_at__gt=now + timedelta(seconds=longest) + _SLACK)
    with transaction.atomic():
        return bulk.in_order(late).update(next_attempt_at=now)


def depth() -> Mapping[str, int]:
    """How many deliveries are due now, wait for later, and are under way."""
    now = clock.now()
    waiting = Delivery.objects.filter(next_attempt_at__isnull=False)
    return {
        "due": waiting.filter(next_attempt_at__lte=now).count(),
        "waiting": waiting.filter(next_attempt_at__gt=now).count(),
        "sending": Delivery.objects.filter(state=State.SENDING).count(),
    }


def _due_destinations(after: str) -> dict[str, list[int]]:
    """With the priorities that have something due there."""
    now = connection.ops.adapt_datetimefield_value(clock.now())
    found = db.rows(_DUE_DESTINATIONS, [after, now, now, _DESTINATIONS_A_ROUND])
    return {name: [priority for priority in PRIORITIES if due[priority]] for name, *due in found}


def _take_together(wanted: Sequence[_Wanted], owner: str) -> Sequence[_Taken]:
    """A transaction for each, or a savepoint, would cost two statements more for every destination of every look."""
    try:
        with transaction.atomic():
            return [_take(one, owner) for one in wanted]
    except Exception as error:  # whatever it is, it may be about one row
        if db.is_in_trouble(error):
            raise
        log.warning("mail is claimed for one destination after the other: %s: %s", type(error).__name__, error)
    return _take_apart(wanted, owner)


def _take_apart(wanted: Sequence[_Wanted], owner: str) -> Sequence[_Taken]:
    """Never raises: nobody would carry what is claimed already, until its lease is over."""
    taken: list[_Taken] = []
    for one in wanted:
        try:
            with transaction.atomic():
                some = _take(one, owner)
        except Exception as error:  # its mail waits; the others must not
            log.exception("mail cannot be claimed for %s", one.destination)
            if db.is_in_trouble(error):
                break
        else:
            taken.append(some)
    return taken


def _take(wanted: _Wanted, owner: str) -> _Taken:
    if wanted.rate:
        return _claim_within(wanted.rate, wanted, owner)
    return _claim(wanted, wanted.size, owner), None


def _claim_within(rate: Rate, wanted: _Wanted, owner: str) -> tuple[list[Claim], timedelta]:
    """What the rate allows, and how long until it allows more."""
    used, now = lanes.used_until(wanted.destination), clock.now()
    allowed = min(wanted.size, rate.allowed(used, now))
    taken = _claim(wanted, allowed, owner) if allowed > 0 else []
    if taken:
        used = rate.spend(used, now, len(taken))
        lanes.spend(wanted.destination, used)
    return taken, rate.wait(used, now)


def _claim(wanted: _Wanted, size: int, owner: str) -> list[Claim]:
    found: list[_Due] = []
    for priority in wanted.priorities:
        if len(found) < size:
            found += _due(wanted.destination, priority, size - len(found))
    held = _hold_suppressed([due.delivery_id for due in found if due.may_be_suppressed])
    attempts = lifecycle.claim([due.delivery_id for due in found if due.delivery_id not in held], owner, _lease_until())
    return [
        Claim(Lease(due.delivery_id, attempts[due.delivery_id]), wanted.destination, due.recipient, due.size)
        for due in found
        if due.delivery_id in attempts
    ]


def _due(destination: str, priority: int, limit: int) -> list[_Due]:
    """Not by the ORM: it is asked for every mail."""
    now = connection.ops.adapt_datetimefield_value(clock.now())
    return [
        _Due(*row)
        for row in db.rows(_DUE + db.row_lock("delivery", skip_locked=True), [destination, priority, now, limit])
    ]


def _hold_suppressed(delivery_ids: Collection[int]) -> set[int]:
    """Asked again here: the address may have been suppressed while the mail waited. Gives those that stay."""
    if not delivery_ids:
        return set()
    rows = Delivery.objects.filter(pk__in=delivery_ids).select_related("identity")
    suppressed = [row for row in rows if _is_suppressed(row)]
    lifecycle.hold_suppressed(suppressed)
    return {row.pk for row in suppressed}


def _is_suppressed(row: Delivery) -> bool:
    if row.identity is None or row.hold_reason == lifecycle.RELEASED or row.identity.address != row.recipient:
        return False
    return identities.is_suppressed(row.identity)


def _lease_until() -> datetime:
    return clock.now() + timedelta(seconds=settings.LEASE)
