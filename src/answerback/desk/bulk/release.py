"""Send what a trigger held back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from answerback.desk import recover
from answerback.desk.bulk.result import Result, done, skipped
from answerback.desk.bulk.subject import delivery_of
from answerback.desk.models import JobItem
from answerback.outbound.models import Delivery
from answerback.people.models import Account


def act(item: JobItem, options: dict[str, Any], by: Account) -> Result:
    delivery = delivery_of(item)
    try:
        recover.release(delivery.pk, by)
    except recover.NotFailedError:
        return skipped("not_held", recipient=delivery.recipient)
    return done("released", recipient=delivery.recipient)


def foresee(rows: Sequence[Delivery], options: dict[str, Any]) -> dict[int, Result]:
    return {}
