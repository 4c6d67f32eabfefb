"""People who sign in."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction

from answerback.people import identities
from answerback.people.models import Account


def create(email: str, name: str, password: str | None, role: str = Account.Role.AGENT, language: str = "") -> Account:
    """A new agent or admin. BadAddressError; AddressTakenError where that account exists."""
    with transaction.atomic():
        identity = identities.find_or_create(email, name, language)
        person = identity.person
        if Account.objects.filter(person=person).exists():
            raise identities.AddressTakenError(identity)
        person.name, person.language = name, language or person.language
        person.save(update_fields=["name", "language"])
        account = Account(person=person, email=email, role=role)
        account.set_password(password)
        account.save()
        return account


def undo_seconds(account: Account) -> int:
    """For how long what they send can be taken back: as their profile says, else for everybody."""
    return settings.UNDO_SECONDS if account.undo_seconds is None else account.undo_seconds


def agents() -> list[Account]:
    """Everybody tickets can be assigned to, by name."""
    return list(Account.objects.filter(is_active=True).select_related("person").order_by("person__name"))
