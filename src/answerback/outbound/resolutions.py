"""When a failure is no longer open, who saw to it and how. The one writer of `Resolution`."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from django.db.models import Q

from answerback.core import clock
from answerback.outbound import failure_feed
from answerback.outbound.models import Delivery, Resolution
from answerback.people.models import Account

How = Resolution.How


def resolve(
    delivery: Delivery, how: str, by: Account | None = None, by_delivery: Delivery | None = None, note: str = ""
) -> bool:
    """False where it was resolved already."""
    if is_resolved(delivery):
        return False
    Resolution.objects.create(delivery=delivery, how=how, by=by, by_delivery=by_delivery, note=note, at=clock.now())
    failure_feed.note([delivery.pk])
    return True


def revoke(deliveries: Iterable[Delivery], hows: Collection[str]) -> list[Resolution]:
    """Somebody says that they were not put right in one of these ways. Gives the resolutions taken back."""
    return _take_back(Q(delivery__in=list(deliveries), how__in=hows))


def is_resolved(delivery: Delivery) -> bool:
    return Resolution.objects.filter(delivery=delivery, revoked_at__isnull=True).exists()


def reopen(by_delivery: Delivery) -> list[Resolution]:
    """What `by_delivery` had put right is open again, because it failed itself. Gives the resolutions taken back."""
    return _take_back(Q(by_delivery=by_delivery))


def _take_back(which: Q) -> list[Resolution]:
    active = Resolution.objects.filter(which, revoked_at__isnull=True).order_by("delivery_id")
    rows = list(active.select_related("delivery__person", "by_delivery__message__comment"))
    Resolution.objects.filter(pk__in=[row.pk for row in rows]).update(revoked_at=clock.now())
    failure_feed.note(row.delivery_id for row in rows)
    return rows
