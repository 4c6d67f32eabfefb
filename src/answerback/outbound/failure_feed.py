"""Failures in the order in which they last changed, for programs that ask "what is new since then". The one writer of
`FailureChange`.

Policy: one row for each delivery that ever failed: its newest change. A further change takes a new row, and so a higher
id, instead of the old one; who reads by id from where they stopped gets every failure once for each change. Readers ask
up to `horizon` only: numbers above it may still be taken by transactions that end later.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction
from django.db.models import Max

from answerback.core import clock, db
from answerback.outbound.models import Delivery, FailureChange, Resolution
from mailroom.states import State

What = FailureChange.What
SUPPRESSED = "suppressed"  # Delivery.hold_reason of mail to an address that is known to fail


def note(delivery_ids: Iterable[int]) -> None:
    """Compare these deliveries with what is noted of them. Belongs into the transaction that changed them."""
    wanted = set(delivery_ids)
    if not wanted:
        return
    with transaction.atomic():
        rows = Delivery.objects.select_for_update(no_key=True).filter(pk__in=wanted).order_by("id")
        deliveries = list(rows.only("state", "hold_reason"))
        resolved = set(_resolved(wanted))
        noted = {row.delivery_id: row for row in FailureChange.objects.filter(delivery__in=wanted)}
        changes = [change for row in deliveries if (change := _change(row, row.pk in resolved, noted.get(row.pk)))]
        FailureChange.objects.filter(delivery__in=[change.delivery_id for change in changes]).delete()
        FailureChange.objects.bulk_create(changes)


def horizon() -> int:
    """The highest id below which nothing will appear any more."""
    with transaction.atomic():
        db.wait_for_writers(FailureChange)
        return FailureChange.objects.aggregate(last=Max("id"))["last"] or 0


def _resolved(delivery_ids: Iterable[int]) -> Iterable[int]:
    active = Resolution.objects.filter(delivery__in=delivery_ids, revoked_at__isnull=True)
    return active.values_list("delivery_id", flat=True)


def _change(delivery: Delivery, resolved: bool, noted: FailureChange | None) -> FailureChange | None:
    """What is new of the delivery; None where that is noted already, or nothing ever failed."""
    what = _what(_is_failing(delivery), resolved, noted)
    if what is None or (noted and noted.what == what) or (noted and noted.open and what in OPEN):
        return None
    return FailureChange(delivery=delivery, what=what, open=what in OPEN, at=clock.now())


def _what(failing: bool, resolved: bool, noted: FailureChange | None) -> FailureChange.What | None:
    if failing and resolved:
        return What.RESOLVED
    if failing:
        return What.REOPENED if noted and noted.what == What.RESOLVED else What.FAILED
    return What.RELEASED if noted else None


def _is_failing(delivery: Delivery) -> bool:
    if delivery.state == State.HELD:
        return delivery.hold_reason == SUPPRESSED
    return delivery.state in (State.FAILED, State.CANCELLED)


OPEN = (What.FAILED, What.REOPENED)
