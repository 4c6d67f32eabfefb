"""Seen to in another way, such as by phone. Taken back, the failure is open again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from answerback.desk.bulk.result import Result, done, skipped
from answerback.desk.bulk.subject import delivery_of
from answerback.desk.fixing import recover
from answerback.desk.models import JobItem
from answerback.outbound.models import Delivery
from answerback.people.models import Account


def act(item: JobItem, options: dict[str, Any], by: Account) -> Result:
    delivery = delivery_of(item)
    try:
        recover.mark_handled(delivery.pk, by, options.get("note", ""))
    except recover.NotFailedError:
        return skipped("not_failing", recipient=delivery.recipient)
    return done("handled", recipient=delivery.recipient)


def foresee(rows: Sequence[Delivery], options: dict[str, Any]) -> dict[int, Result]:
    return {}


def undo(item: JobItem, by: Account) -> Result:
    recipient = item.detail["recipient"]
    try:
        recover.open_again(item.delivery_id or 0, by)
    except (recover.NotFailedError, Delivery.DoesNotExist):
        return skipped("changed_since", recipient=recipient)
    return done("open_again", recipient=recipient)
