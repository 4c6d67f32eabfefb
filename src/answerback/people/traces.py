"""What somebody is known by, and how it is struck out of what others wrote.

Policy: an address counts wherever it stands as a whole. A name counts as a whole too, in either order ("Berg, Anna"),
and only where it has two words or more: "Office" would be struck out of sentences about offices.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from answerback.people import merging
from answerback.people.models import DeliverabilityEntry, Identity, Person
from mailroom import message as mail_message
from mailroom.address import normalise, parse_addresses
from mailroom.charsets import decode_words

STRUCK = "[…]"


@dataclass(frozen=True)
class Traces:
    addresses: frozenset[str]
    names: frozenset[str]

    def strike(self, value: Any) -> Any:
        """A text, or all texts of a JSON value, without the person."""
        if isinstance(value, str):
            return self._all.sub(STRUCK, value) if self._all else value
        if isinstance(value, dict):
            return {key: self.strike(inner) for key, inner in value.items()}
        return [self.strike(inner) for inner in value] if isinstance(value, list) else value

    def stand_in(self, value: Any) -> bool:
        return self.strike(value) != value

    def address_stands_in(self, text: str) -> bool:
        return bool(self._addresses and self._addresses.search(text))

    def stand_in_mail(self, octets: bytes) -> bool:
        """As it came, or in its header fields and its text once they are decoded."""
        if self.stand_in(octets.decode("utf-8", "replace")):
            return True
        mail = mail_message.parse(octets)
        fields = (decode_words(value) for _, value in mail.fields)
        return any(map(self.stand_in, (*fields, mail.text, mail.html)))

    @cached_property
    def _all(self) -> re.Pattern[str] | None:
        return _pattern([*map(_address, self.addresses), *map(_name, self.names)])

    @cached_property
    def _addresses(self) -> re.Pattern[str] | None:
        return _pattern(map(_address, self.addresses))


def of(person: Person, addresses: Iterable[str] = (), names: Iterable[str] = ()) -> Traces:
    """By the profile, those merged into it, addresses that were corrected, and what else the caller knows.

    An address that is somebody else's by now is not theirs.
    """
    merged = merging.all_merged_into(person)
    own = Identity.objects.filter(person=person)
    corrected = DeliverabilityEntry.objects.filter(identity__person=person, kind=DeliverabilityEntry.Kind.CORRECTED)
    before = [one.spec for note in corrected.values_list("note", flat=True) for one in parse_addresses(*note.split())]
    known = {*addresses, *before, *(address for merge in merged for address in merge.addresses)}
    of_others = Identity.objects.filter(normal__in=map(normalise, known)).exclude(person=person)
    taken = set(of_others.values_list("normal", flat=True))
    known = {one for one in known if one and normalise(one) not in taken}
    known |= {spelling for pair in own.values_list("address", "normal") for spelling in pair}
    called = {person.name, *(merge.person.name for merge in merged), *names}
    return Traces(
        addresses=frozenset(known | set(map(normalise, known))),
        names=frozenset(" ".join(name.split()) for name in called if len(name.split()) > 1),
    )


def _pattern(parts: Iterable[str]) -> re.Pattern[str] | None:
    found = sorted(set(parts), key=len, reverse=True)
    return re.compile("|".join(found), re.IGNORECASE) if found else None


def _address(address: str) -> str:
    return rf"(?<![\w.+-]){re.escape(address)}(?![\w-])"


def _name(name: str) -> str:
    words = name.split()
    orders = {tuple(words), (f"{words[-1]},", *words[:-1])}
    spellings = {spelling for order in orders for spelling in (_spelled(order), _spelled(map(html.escape, order)))}
    return rf"(?<!\w)(?:{'|'.join(sorted(spellings))})(?!\w)"


def _spelled(words: Iterable[str]) -> str:
    return r"\s+".join(map(re.escape, words))
