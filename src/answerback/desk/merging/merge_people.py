"""Two people turn out to be one. Cannot be undone; the trace stays on both (`PersonMerge`), old links lead on.

Policy: addresses with all we know of them, tickets, comments, participations and deliveries go over. People who sign in
are never merged away; a customer may be merged into an agent. Both are locked in the order of their ids, so of two
agents who merge A into B and B into A, the second is told. Whoever looks at "the same person?" is shown guesses
(`lookalikes`), never merged by us.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q, QuerySet

from answerback.outbound import hand_over as deliveries
from answerback.outbound.models import Delivery
from answerback.people import merging
from answerback.people.models import Account, Person, PersonMerge
from answerback.search import documents
from answerback.search.models import PersonDocument
from answerback.tickets import hand_over as tickets
from answerback.tickets.models import Ticket

LOOKALIKES = 5
CANDIDATES = 15


@dataclass(frozen=True)
class Side:
    """One of both on the page that asks for confirmation."""

    person: Person
    addresses: list[str]
    tickets: int
    deliveries: int


def merge(loser_id: int, survivor_id: int, by: Account) -> PersonMerge:
    """CannotMergeError (people.merging), Person.DoesNotExist."""
    with transaction.atomic():
        loser, survivor = merging.lock(loser_id, survivor_id)
        trace = merging.take_over(loser, survivor, by)
        concerned = tickets.hand_over(loser, survivor)
        deliveries.hand_over(loser, survivor)
        for ticket_id in concerned:
            documents.rebuild(ticket_id)
        PersonDocument.objects.filter(person=loser).delete()
        documents.refresh_person(survivor)
    return trace


def side(person: Person) -> Side:
    return Side(
        person=person,
        addresses=list(person.identities.order_by("-primary", "id").values_list("address", flat=True)),
        tickets=Ticket.objects.filter(requester=person).count(),
        deliveries=Delivery.objects.filter(person=person).count(),
    )


def lookalikes(person: Person) -> list[Person]:
    """Others of the same name, or with the same part before the @: perhaps the same person."""
    if Account.objects.filter(person=person).exists():
        return []
    locals_ = {address.partition("@")[0].lower() for address in person.identities.values_list("normal", flat=True)}
    same = Q(name__iexact=person.name)
    for local in sorted(name for name in locals_ if len(name) > 4 and name not in _SHARED):
        same |= Q(identities__normal__startswith=f"{local}@")
    return list(_others(person).filter(same).distinct().order_by("name", "id")[:LOOKALIKES])


def search(person: Person, text: str) -> list[Person]:
    """Whom to merge with: by name or address."""
    if not text:
        return []
    found = Q(name__icontains=text) | Q(identities__normal__icontains=text.lower())
    return list(_others(person).filter(found).distinct().order_by("name", "id")[:CANDIDATES])


_SHARED = {"office", "support", "contact", "kontakt", "service", "einkauf", "verkauf", "hello", "sales", "postmaster"}


def _others(person: Person) -> QuerySet[Person]:
    return Person.objects.filter(merge__isnull=True).exclude(pk=person.pk)
