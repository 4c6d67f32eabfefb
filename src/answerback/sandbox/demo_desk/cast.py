"""The customers: people.toml says who they are, and how others know them. Each exists from their first mail on."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from answerback.people import identities
from answerback.people.models import Account, Organization, Person
from mailroom.address import Address

_FILE = Path(__file__).with_name("people.toml")


@dataclass(frozen=True, slots=True)
class Customer:
    name: str
    addresses: tuple[str, ...]  # the first is where mail goes
    language: str
    phone: str = ""
    notes: str = ""
    organization: str = ""


@lru_cache(maxsize=1)
def customers() -> Mapping[str, Customer]:
    with _FILE.open("rb") as file:
        entries = tomllib.load(file)
    return {key: Customer(**(entry | {"addresses": tuple(entry["addresses"])})) for key, entry in entries.items()}


class Cast:
    """Everybody a story can name: customers, and the agents who are there already."""

    def __init__(self, agents: Mapping[str, Account]) -> None:
        self._people = {key: account.person for key, account in agents.items()}

    def person(self, key: str) -> Person:
        """Made on first need."""
        if key not in self._people:
            self._people[key] = _create(customers()[key])
        return self._people[key]

    def people(self, keys: Iterable[str]) -> list[Person]:
        return [self.person(key) for key in keys]

    def mailbox(self, key: str, address: str = "") -> Address:
        """Name and address as in From: the given address of theirs, else the one mail goes to."""
        person = self.person(key)
        identity = identities.primary_of(person)
        spec = address or (identity.address if identity else "")
        local, _, domain = spec.rpartition("@")
        return Address(local, domain, person.name)


def _create(customer: Customer) -> Person:
    person = identities.find_or_create(customer.addresses[0], customer.name, customer.language).person
    for address in customer.addresses[1:]:
        identities.add(person, address, by=None)
    person.phone, person.notes = customer.phone, customer.notes.strip()
    if customer.organization:
        person.organization = _organization(customer)
    person.save(update_fields=["phone", "notes", "organization"])
    return person


def _organization(customer: Customer) -> Organization:
    domain = customer.addresses[0].rpartition("@")[2]
    row, _ = Organization.objects.get_or_create(name=customer.organization, defaults={"domains": [domain]})
    return row
