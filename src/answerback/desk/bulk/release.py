"""Send what a trigger held back. Taken back, what still waits is held again, as it was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet

from answerback.desk.bulk import mail
from answerback.desk.bulk.result import Result, done, skipped
from answerback.desk.bulk.subject import delivery_of
from answerback.desk.fixing import recover
from answerback.desk.models import JobItem
from answerback.outbound.models import Delivery
from answerback.people.models import Account
from mailroom.states import State


def act(item: JobItem, options: dict[str, Any], by: Account) -> Result:
    delivery = delivery_of(item)
    try:
        recover.release(delivery.pk, by)
    except recover.NotFailedError:
        return skipped("not_held", recipient=delivery.recipient)
    mail.let_wait([delivery], by)
    return done("released", recipient=delivery.recipient, held=delivery.hold_reason)


def foresee(rows: Sequence[Delivery], options: dict[str, Any]) -> dict[int, Result]:
    return {}


def undo(item: JobItem, by: Account) -> Result:
    recipient = item.detail["recipient"]
    try:
        recover.hold_again(item.delivery_id or 0, item.detail["held"], by)
    except (recover.NotFailedError, Delivery.DoesNotExist):
        return skipped("sent_already", recipient=recipient)
    return done("held_again", recipient=recipient)


def still(items: QuerySet[JobItem]) -> bool:
    """Whether any of it waits to be sent."""
    return Delivery.objects.filter(pk__in=items.values("delivery"), state=State.QUEUED).exists()
