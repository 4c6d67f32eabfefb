"""The same message once more, to the recipients that did not get it. An address that is known to fail is left out.

Taken back, what still waits is stopped, and those failures are what they were.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from answerback.desk.bulk import mail
from answerback.desk.bulk.result import Result, done, skipped
from answerback.desk.bulk.subject import delivery_of
from answerback.desk.fixing import recover
from answerback.desk.models import JobItem
from answerback.outbound.models import Delivery
from answerback.people import identities
from answerback.people.models import Account


def act(item: JobItem, options: dict[str, Any], by: Account) -> Result:
    delivery = delivery_of(item)
    if problem := _problem(delivery):
        return problem
    try:
        [sent] = recover.resend([delivery.pk], by)
    except recover.NotFailedError:
        return skipped("not_failing", recipient=delivery.recipient)
    mail.let_wait([sent], by)
    return done("resent", recipient=sent.recipient, delivery_id=sent.pk)


def foresee(rows: Sequence[Delivery], options: dict[str, Any]) -> dict[int, Result]:
    return {row.pk: problem for row in rows if (problem := _problem(row))}


def undo(item: JobItem, by: Account) -> Result:
    recipient = item.detail["recipient"]
    if not mail.take_back(item.detail["delivery_id"], by):
        return skipped("sent_already", recipient=recipient)
    return done("taken_back", recipient=recipient)


def _problem(delivery: Delivery) -> Result | None:
    if delivery.identity and identities.is_suppressed(delivery.identity):
        return skipped("suppressed", recipient=delivery.identity.address, cause=delivery.identity.cause)
    return None
