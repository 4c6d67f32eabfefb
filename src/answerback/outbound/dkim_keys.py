"""DKIM keys of our domains: made, published by the admin, then taken into use. The one writer of `DkimKey`.

Policy: a key signs only once DNS has its record: a signature that cannot be verified is worse than none. A domain
has an RSA key and an Ed25519 key (RFC 8463 §5); its subdomains sign with them too, which DMARC accepts as aligned. New
keys come beside the old ones under another selector, and replace them when they are taken into use.

Private keys lie sealed in the database (core.sealing). What no key of ours opens signs nothing, and `doctor` names it.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from django.db import transaction
from django.db.models import QuerySet

from answerback.core import clock, db, resolver, sealing
from answerback.outbound.models import DkimKey
from mailroom import dkim_signing
from mailroom.address import ascii_domain
from mailroom.compose import Composed
from mailroom.dkim_signing import Algorithm, Key

_PATIENCE = 5.0  # seconds
_SEALED = b"sealed:"  # before what core.sealing gave; a key in plain, as all were once, begins with 0x30
_IN_USE = "SELECT domain, selector, private FROM outbound_dkimkey WHERE in_use_since IS NOT NULL ORDER BY id"


class BadDomainError(Exception):
    """Not a domain."""


class NotPublishedError(Exception):
    """The record is not in DNS, or is another one. `args[0]` is the Key."""


@dataclass
class Signatures:
    """The keys in use, read once for a batch of deliveries, and each body's hash, made once for all its copies."""

    keys: dict[str, list[Key]]
    _hashes: dict[int, str] = field(default_factory=dict)

    @classmethod
    def current(cls) -> Signatures:
        found: dict[str, list[Key]] = {}
        for key in _readable(db.rows(_IN_USE)):
            found.setdefault(key.domain, []).append(key)
        return cls(found)

    def sign(self, copy: Composed, domain: str, message_id: int, at: datetime) -> Composed:
        """The copy signed for `domain`, that of its From; as it is where there is no key for it."""
        keys = self.keys_of(domain)
        if not keys:
            return copy
        if message_id not in self._hashes:
            self._hashes[message_id] = dkim_signing.body_hash(copy.body)
        return dkim_signing.sign(copy, keys, at, self._hashes[message_id])

    def keys_of(self, domain: str) -> list[Key]:
        """Those of the domain, else of the nearest one above it."""
        while domain and domain not in self.keys:
            domain = domain.partition(".")[2]
        return self.keys.get(domain, [])


def make(domain: str) -> None:
    """A new pair that waits to be published; nothing where one waits already. BadDomainError."""
    name = _name(domain)
    with transaction.atomic():
        if not _of(name, in_use=False):
            day = clock.today().strftime("%Y%m%d")
            for algorithm, mark in ((Algorithm.RSA, "r"), (Algorithm.ED25519, "e")):
                _store(name, f"ab{day}{mark}", dkim_signing.make_private_key(algorithm))


def keys_in_use(domain: str) -> list[Key]:
    """Those that sign for `domain`. BadDomainError."""
    return _keys(_of(_name(domain), in_use=True))


def keys_waiting(domain: str) -> list[Key]:
    """Those that are made, and do not sign yet. BadDomainError."""
    return _keys(_of(_name(domain), in_use=False))


def start(domain: str) -> None:
    """Take the waiting keys into use, in place of those before. BadDomainError, NotPublishedError."""
    name = _name(domain)
    keys = keys_waiting(name)
    for key in keys:
        if not is_published(key):
            raise NotPublishedError(key)
    with transaction.atomic():
        if keys and _of(name, in_use=False).update(in_use_since=clock.now()):
            _of(name, in_use=True).exclude(selector__in=[key.selector for key in keys]).delete()


def stop(domain: str) -> None:
    """Sign no more for `domain`; its keys wait. BadDomainError."""
    _of(_name(domain), in_use=True).update(in_use_since=None)


def waiting_or_used(domain: str) -> list[Key]:
    """Those that sign for `domain` or its parents, else those that wait to be published. BadDomainError."""
    name = _name(domain)
    return Signatures.current().keys_of(name) or _keys(_of(name, in_use=False))


def domains() -> list[str]:
    """Every domain that has a key."""
    return list(DkimKey.objects.order_by("domain").values_list("domain", flat=True).distinct())


def seal_anew() -> None:
    """Seal under today's key what lay plain or under an older one."""
    with transaction.atomic():
        for row in DkimKey.objects.select_for_update().order_by("id"):
            with suppress(sealing.SealedByAnotherKeyError):
                DkimKey.objects.filter(pk=row.pk).update(private=_seal(_unseal(bytes(row.private))))


def unreadable() -> list[str]:
    """The record names of those that no key of ours opens."""
    rows = DkimKey.objects.order_by("id").values_list("domain", "selector", "private")
    return [f"{selector}._domainkey.{domain}" for domain, selector, private in rows if not _opens(bytes(private))]


def is_published(key: Key) -> bool:
    """Whether DNS has the key's record. No answer is a no."""
    try:
        said = resolver.records(key.record_name, "TXT", _PATIENCE)
    except resolver.NoAnswerError:
        return False
    return is_record_of(key, said)


def is_record_of(key: Key, said: Iterable[str]) -> bool:
    """Whether with one of these TXT records our signatures can be verified (RFC 6376 §3.6.1)."""
    return any(_can_be_verified(_tags(key.record), _tags(text)) for text in said)


def _can_be_verified(ours: Mapping[str, str], said: Mapping[str, str]) -> bool:
    """The right key is not enough: without `k=` it is taken for one of RSA, a version of `DKIM1\\` for none at all."""
    return (
        said.get("p") == ours["p"]
        and said.get("k", "rsa") == ours["k"]
        and said.get("v", "DKIM1") == "DKIM1"
        and "sha256" in said.get("h", "sha256").split(":")
        and not {"*", "email"}.isdisjoint(said.get("s", "*").split(":"))
    )


def _tags(record: str) -> dict[str, str]:
    """However its blanks are set."""
    return dict("".join(tag.split()).partition("=")[::2] for tag in record.split(";"))


def _name(domain: str) -> str:
    name = ascii_domain(domain.strip().rstrip("."))
    if not name or "." not in name:
        raise BadDomainError(domain)
    return name.lower()


def _store(domain: str, selector: str, private: bytes) -> None:
    """Under a selector that the domain has not had today."""
    taken = set(DkimKey.objects.filter(domain=domain).values_list("selector", flat=True))
    free = next(name for name in (selector, *(f"{selector}{n}" for n in range(2, 100))) if name not in taken)
    DkimKey.objects.create(domain=domain, selector=free, private=_seal(private), made_at=clock.now())


def _of(domain: str, in_use: bool) -> QuerySet[DkimKey]:
    return DkimKey.objects.filter(domain=domain, in_use_since__isnull=not in_use).order_by("id")


def _keys(rows: QuerySet[DkimKey]) -> list[Key]:
    return list(_readable(rows.values_list("domain", "selector", "private")))


def _readable(rows: Iterable[tuple[str, str, bytes | memoryview]]) -> Iterator[Key]:
    for domain, selector, private in rows:
        with suppress(sealing.SealedByAnotherKeyError):
            yield _read(domain, selector, bytes(private))


@lru_cache(maxsize=64)
def _read(domain: str, selector: str, private: bytes) -> Key:
    """Reading a key checks its numbers: too dear for every batch. SealedByAnotherKeyError."""
    return dkim_signing.read_key(domain, selector, _unseal(private))


def _opens(private: bytes) -> bool:
    try:
        _unseal(private)
    except sealing.SealedByAnotherKeyError:
        return False
    return True


def _seal(private: bytes) -> bytes:
    return _SEALED + sealing.seal(b64encode(private).decode()).encode()


def _unseal(private: bytes) -> bytes:
    """SealedByAnotherKeyError."""
    if not private.startswith(_SEALED):
        return private
    return b64decode(sealing.unseal(private.removeprefix(_SEALED).decode()))
