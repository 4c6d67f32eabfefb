"""Two rows for one person: what of the one goes over to the other. The one writer of `PersonMerge`.

Addresses bring their deliverability and their ledger along, the survivor's primary address stays primary. Facts that
the survivor lacks are filled in; what would be lost goes into the notes. The empty row stays and leads on.
"""

from __future__ import annotations

from answerback.core import clock, live
from answerback.people.models import Account, Identity, Person, PersonMerge


class CannotMergeError(ValueError):
    """`problem`: itself, agent, merged, erased."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


def survivor_of(person: Person) -> Person:
    """The person themselves, or whom they were merged into; chains end, as nobody is merged twice."""
    while merge := PersonMerge.objects.select_related("into").filter(person=person).first():
        person = merge.into
    return person


def merged_into(person: Person) -> list[PersonMerge]:
    return list(PersonMerge.objects.select_related("person", "by__person").filter(into=person).order_by("-at"))


def all_merged_into(person: Person) -> list[PersonMerge]:
    """Also by way of others."""
    found: list[PersonMerge] = []
    layer = [person.pk]
    while layer:
        rows = list(PersonMerge.objects.select_related("person").filter(into__in=layer).order_by("at", "pk"))
        found += rows
        layer = [row.person_id for row in rows]
    return found


def lock(loser_id: int, survivor_id: int) -> tuple[Person, Person]:
    """Both, locked in the order of their ids. CannotMergeError, Person.DoesNotExist."""
    if loser_id == survivor_id:
        raise CannotMergeError("itself")
    found = {
        row.pk: row for row in Person.objects.select_for_update().filter(pk__in=[loser_id, survivor_id]).order_by("pk")
    }
    if len(found) < 2:
        raise Person.DoesNotExist
    if PersonMerge.objects.filter(person__in=found).exists():
        raise CannotMergeError("merged")
    if any(person.erased_at for person in found.values()):
        raise CannotMergeError("erased")
    if Account.objects.filter(person=loser_id).exists():
        raise CannotMergeError("agent")
    return found[loser_id], found[survivor_id]


def take_over(loser: Person, survivor: Person, by: Account) -> PersonMerge:
    """Addresses and facts. Belongs into the transaction that locked both."""
    addresses = list(Identity.objects.filter(person=loser).order_by("id"))
    has_primary = Identity.objects.filter(person=survivor, primary=True).exists()
    moved = Identity.objects.filter(person=loser)
    if has_primary:
        moved.update(person=survivor, primary=False)
    else:
        moved.update(person=survivor)
    _fill_in(loser, survivor)
    for person in (loser, survivor):
        live.publish(f"person:{person.pk}")
    return PersonMerge.objects.create(
        person=loser, into=survivor, by=by, at=clock.now(), addresses=[row.address for row in addresses]
    )


def _fill_in(loser: Person, survivor: Person) -> None:
    left = [loser.notes]
    if loser.phone and survivor.phone and loser.phone != survivor.phone:
        left.append(loser.phone)
    if loser.name != survivor.name:
        left.append(loser.name)
    survivor.phone = survivor.phone or loser.phone
    survivor.language = survivor.language or loser.language
    survivor.organization = survivor.organization or loser.organization
    survivor.notes = "\n".join(filter(None, [survivor.notes, *left]))
    survivor.updated_at = clock.now()
    survivor.save(update_fields=["phone", "language", "organization", "notes", "updated_at"])
