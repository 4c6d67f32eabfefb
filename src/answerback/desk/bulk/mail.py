"""Mail that a job sends: for how long it can be taken back, and taking it back.

Policy: it waits as long as an answer of that agent would, so that there is time to think better of it. What went, or
may have gone, stays sent.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import QuerySet

from answerback.desk.fixing import recover
from answerback.desk.models import JobItem
from answerback.outbound import enqueue, lifecycle
from answerback.outbound.models import Delivery
from answerback.people import accounts
from answerback.people.models import Account


def let_wait(sent: Sequence[Delivery], by: Account) -> None:
    """Belongs into the transaction that queued it."""
    if seconds := accounts.undo_seconds(by):
        lifecycle.postpone([row.pk for row in sent], seconds)


def take_back(delivery_id: int | None, by: Account) -> bool:
    """A resend that the job made. False where there was none, or it is too late."""
    if not delivery_id:
        return False
    try:
        recover.take_back(delivery_id, by)
    except (recover.NotFailedError, Delivery.DoesNotExist):
        return False
    return True


def resends_wait(items: QuerySet[JobItem]) -> bool:
    """Whether any resend of what these items are about is still here."""
    resends = Delivery.objects.filter(resent_from__in=items.values("delivery"), ambiguous=False)
    return resends.filter(state__in=enqueue.STILL_HERE).exists()
