"""A notification sent again by a program: to some recipients, wrong addresses put right on the way, all or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.db import transaction

from answerback.desk.fixing import recover
from answerback.outbound.models import Delivery
from answerback.people.models import Account
from mailroom.address import normalise


def resend(failing: Sequence[Delivery], corrections: Mapping[str, str], by: Account) -> list[Delivery]:
    """Send again, to the corrected address where `corrections` (old → new) names one. What would be held stays out.

    BadAddressError, AddressTakenError, NotFailedError, SuppressedError.
    """
    right = {normalise(old): new for old, new in corrections.items()}
    mistyped = [row for row in failing if normalise(row.recipient) in right]
    others = [row.pk for row in failing if row not in mistyped]
    sent: list[Delivery] = []
    with transaction.atomic():
        for row in mistyped:
            sent += recover.correct_address(row.pk, right[normalise(row.recipient)], by, and_resend=True)
        try:
            sent += recover.resend(others, by) if others else []
        except recover.SuppressedError:
            if not sent:
                raise
    return sent
