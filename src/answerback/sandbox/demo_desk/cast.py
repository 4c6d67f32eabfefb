"""The customers: people.toml says who they are, and how others know them. They exist from their first mail on."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from answerback.people import identities
from answerback.people.models import Organization, Person
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

    def mailbox(self, address: str = "") -> Address:
        """Name and address, as in From."""
        local, _, domain = (address or self.addresses[0]).rpartition("@")
        return Address(local, domain, self.name)


@lru_cache(maxsize=1)
def customers() -> Mapping[str, Customer]:
    with _FILE.open("rb") as file:
        entries = tomllib.load(file)
    return {key: Customer(**(entry | {"addresses": tuple(entry["addresses"])})) for key, entry in entries.items()}


def person(key: str) -> Person:
    """The person, made on first need."""
    customer = customers()[key]
    if identity := identities.find(customer.addresses[0]):
        return identity.person
    found = identities.find_or_create(customer.addresses[0], customer.name, customer.language).person
    for address in customer.addresses[1:]:
        identities.add(found, address, by=None)
    found.phone, found.notes = customer.phone, customer.notes.strip()
    if customer.organization:
        found.organization = _organization(customer)
    found.save(update_fields=["phone", "notes", "organization"])
    return found


def _organization(customer: Customer) -> Organization:
    domain = customer.addresses[0].rpartition("@")[2]
    row, _ = Organization.objects.get_or_create(name=customer.organization, defaults={"domains": [domain]})
    return row
