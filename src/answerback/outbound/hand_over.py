"""Deliveries of somebody who turned out to be somebody else: the history stands under one name."""

from __future__ import annotations

from answerback.outbound.models import Delivery, Replacement
from answerback.people.models import Person


def hand_over(before: Person, after: Person) -> int:
    Replacement.objects.filter(person=before).update(person=after)
    return Delivery.objects.filter(person=before).update(person=after)
