"""Whom the CC of a new ticket names, with how likely mail is to reach them: nobody may be known by an address yet."""

from __future__ import annotations

from answerback.people.models import Identity, Person
from answerback.workspace import conversation, reachability
from answerback.workspace.conversation import Recipient
from mailroom import address as addresses
from mailroom.address import Address


def of(text: str) -> list[Recipient]:
    """Each address once, in their order. Mail goes to the best address of whoever is known by the one typed."""
    typed = {one.normal: one for one in addresses.parse_addresses(text)}
    known = {row.normal: row.person for row in Identity.objects.filter(normal__in=typed).select_related("person")}
    best = conversation.best_identities(list(known.values()))
    spam = reachability.complained(list(best.values()))
    return [
        conversation.recipient(known[normal], best, spam, key=one.spec) if normal in known else _stranger(one)
        for normal, one in typed.items()
    ]


def changed(text: str, add: str, remove: str) -> str:
    """The text of the field with these added and that one taken out."""
    gone = {one.normal for one in addresses.parse_addresses(remove)}
    kept: dict[str, Address] = {}
    for one in addresses.parse_addresses(text, add):
        if one.normal not in gone:
            kept.setdefault(one.normal, one)
    return ", ".join(map(_spelled, kept.values()))


def _spelled(one: Address) -> str:
    name = one.name.replace("\\", "").replace('"', "")
    return f'"{name}" <{one.spec}>' if name else one.spec


def _stranger(typed: Address) -> Recipient:
    identity = Identity(address=typed.spec, normal=typed.normal, domain=typed.domain)
    return Recipient(Person(name=typed.name or typed.spec), typed.spec, reachability.of(identity), key=typed.spec)
