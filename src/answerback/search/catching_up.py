"""What search does not know yet: the tickets of an installation from before, people whose names or addresses changed.

Tickets are taken from the newest down; where the walk stands is a row, so that it survives a restart. People are
followed by their `updated_at`, with a margin for transactions that were under way when they wrote it.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Max, Q, QuerySet

from answerback.core.models import Setting
from answerback.people.models import Person
from answerback.search import documents
from answerback.search.models import PersonDocument
from answerback.tickets.models import Participant, Ticket

_TICKETS, _PEOPLE = "search_tickets_to_do", "search_people_seen"
_BATCH = 50
_MARGIN = timedelta(seconds=15)
_BEGINNING = "2000-01-01T00:00:00+00:00"
_TICKETS_OF_A_PERSON = 500  # whose words follow a new name or address


def begin() -> None:
    """Have everything read again."""
    newest = Ticket.objects.aggregate(newest=Max("id"))["newest"] or 0
    Setting.objects.update_or_create(name=_TICKETS, defaults={"value": newest})
    Setting.objects.update_or_create(name=_PEOPLE, defaults={"value": _BEGINNING})
    PersonDocument.objects.update(seen=None)


def left() -> int:
    """About how many tickets are not in the index yet."""
    return int(_value(_TICKETS, 0))


def tickets(seconds: float = 1.0) -> int:
    """Go on for that long; gives how many tickets were read."""
    end, read = time.monotonic() + seconds, 0
    while (upto := left()) and time.monotonic() < end:
        with transaction.atomic():
            _one_at_a_time(_TICKETS)
            ids = list(Ticket.objects.filter(pk__lte=upto).order_by("-id").values_list("id", flat=True)[:_BATCH])
            for ticket_id in reversed(ids):  # locks are taken in the order of the numbers
                documents.rebuild(ticket_id)
            Setting.objects.filter(name=_TICKETS).update(value=ids[-1] - 1 if ids else 0)
        read += len(ids)
    return read


def people(seconds: float = 1.0) -> int:
    """Read the people who changed since the last time; gives how many."""
    end, read = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        changed = _changed_people()
        if not changed:
            break
        for person in changed:
            with transaction.atomic():
                _one_at_a_time(_PEOPLE)
                _follow(person)
                Setting.objects.update_or_create(name=_PEOPLE, defaults={"value": person.updated_at.isoformat()})
        read += len(changed)
        if len(changed) < _BATCH:
            break
    return read


def _one_at_a_time(mark: str) -> None:
    """Another process may be at it as well: two that write many documents would block each other.

    Belongs into the transaction. Where nothing is marked yet, nothing is locked.
    """
    Setting.objects.select_for_update(no_key=True).filter(name=mark).first()


def unread_people() -> QuerySet[Person]:
    """Those whom the index does not know yet, or not as they are now."""
    since = datetime.fromisoformat(str(_value(_PEOPLE, _BEGINNING))) - _MARGIN
    unseen = Q(document__isnull=True) | ~Q(document__seen=F("updated_at"))
    return Person.objects.filter(unseen, updated_at__gte=since)


def _changed_people() -> list[Person]:
    return list(unread_people().select_related("organization").order_by("updated_at", "id")[:_BATCH])


def _follow(person: Person) -> None:
    known = PersonDocument.objects.filter(person=person).exists()
    documents.refresh_person(person)
    if known:
        ids = Participant.objects.filter(person=person).order_by("-ticket_id").values_list("ticket_id", flat=True)
        for ticket_id in sorted(ids[:_TICKETS_OF_A_PERSON]):
            documents.refresh(ticket_id)


def _value(name: str, otherwise: Any) -> Any:
    found = Setting.objects.filter(name=name).values_list("value", flat=True).first()
    return otherwise if found is None else found
