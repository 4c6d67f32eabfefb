"""What an agent changes about a customer. Addresses are `people.identities`' matter."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.db.models import ProtectedError

from answerback.core import clock, live
from answerback.people import identities
from answerback.people.models import LANGUAGES, Organization, Person

_LANGUAGES = {code for code, _name in LANGUAGES}


class InUseError(ValueError):
    """Tickets, comments or colleagues hang on the person."""


def create(addresses: Sequence[str], *, name: str = "", phone: str = "", notes: str = "", language: str = "") -> Person:
    """Somebody new; the first address is the primary one. BadAddressError, AddressTakenError."""
    first, *others = addresses
    with transaction.atomic():
        if taken := identities.find(first):
            raise identities.AddressTakenError(taken)
        person = identities.find_or_create(first, name).person
        for address in others:
            identities.add(person, address, None)
        edit(person, name=name, phone=phone, notes=notes, language=language)
    return person


def edit(
    person: Person, *, name: str, phone: str = "", notes: str = "", language: str = "", organization: str | None = None
) -> None:
    """Set the plain facts of a person. A name nobody gave stays; so does an organisation nobody spoke of."""
    person.name = " ".join(name.split())[:200] or person.name
    person.phone = phone.strip()[:60]
    person.notes = notes.strip()
    person.language = language if language in _LANGUAGES else ""
    if organization is not None:
        person.organization = _organization(organization)
    person.updated_at = clock.now()
    person.save(update_fields=["name", "phone", "notes", "language", "organization", "updated_at"])
    live.publish(f"person:{person.pk}")


def remove(person: Person) -> None:
    """Forget somebody of whom there is nothing but a name and addresses. InUseError."""
    try:
        with transaction.atomic():
            person.delete()
    except ProtectedError:
        raise InUseError from None


def _organization(name: str) -> Organization | None:
    """The one of that name, made where there is none."""
    name = " ".join(name.split())[:200]
    if not name:
        return None
    found = Organization.objects.filter(name__iexact=name).first()
    return found or Organization.objects.create(name=name)
