"""The addresses work again; with "and send" what failed to them goes once more, and what was held goes now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from answerback.desk import recover
from answerback.desk.bulk.result import Result, done, skipped
from answerback.desk.bulk.subject import delivery_of
from answerback.desk.models import JobItem
from answerback.outbound.models import Delivery
from answerback.people import identities
from answerback.people.models import Account
from mailroom.states import State


def act(item: JobItem, options: dict[str, Any], by: Account) -> Result:
    delivery = delivery_of(item)
    recipient = delivery.identity.address if delivery.identity else delivery.recipient
    suppressed = _is_suppressed(delivery)
    if suppressed:
        try:
            recover.mark_deliverable(delivery.pk, by, options.get("note", ""), and_send=False)
        except recover.ComplaintError:
            return skipped("complaint", recipient=recipient)
    if options.get("and_send"):
        return _send(delivery, recipient, by)
    return done("deliverable", recipient=recipient) if suppressed else skipped("not_suppressed", recipient=recipient)


def foresee(rows: Sequence[Delivery], options: dict[str, Any]) -> dict[int, Result]:
    if options.get("and_send"):
        return {}
    return {row.pk: skipped("not_suppressed", recipient=row.recipient) for row in rows if not _is_suppressed(row)}


def _is_suppressed(delivery: Delivery) -> bool:
    return delivery.identity is not None and identities.is_suppressed(delivery.identity)


def _send(delivery: Delivery, recipient: str, by: Account) -> Result:
    try:
        if delivery.state == State.HELD:
            recover.release(delivery.pk, by)
        else:
            recover.resend([delivery.pk], by)
    except recover.NotFailedError:
        return skipped("not_failing", recipient=recipient)
    return done("deliverable_and_sent", recipient=recipient)
