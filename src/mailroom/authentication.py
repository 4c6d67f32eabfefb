"""Whose domain vouches for a mail: SPF, DKIM and DMARC (RFC 7208, RFC 6376, RFC 7489).

Policy: the one question asked of this module is whether the domain in From stands behind the mail. It does where SPF or
DKIM passes for a domain *aligned* with it: the same organisation, or the very same name where the domain's own DMARC
record says so. Everything else, an error included, counts as "nobody vouches". A mail with several authors has none who
could be vouched for. Signatures that leave a part of the body unsigned (`l=`), or use SHA-1 (RFC 8301), do not count.

There are two ways to know: `authenticate` checks a mail that came straight to us, with DNS passed in; `from_headers`
believes our own mail exchanger, which wrote its findings on top of the mail (RFC 8601). That server must remove fields
that pretend to be its own; only the topmost run of its fields is read all the same.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import dkim
import spf
from publicsuffixlist import PublicSuffixList

from mailroom.address import ascii_domain, parse_address
from mailroom.message import Mail, parse


class LookupFailed(Exception):  # noqa: N818 – said in the field's word
    """DNS gave no answer, neither yes nor no: try again later."""


# (name, "TXT", "A", "AAAA", "MX" or "PTR") -> the values as text: TXT strings joined, MX as "10 mx.example". No such
# name and no such record are both an empty list. Raises `LookupFailed`.
Lookup = Callable[[str, str], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Authentication:
    """What is known of a mail's origin. `aligned` is the only field to decide by; the others are for the curious."""

    spf: str = "none"  # RFC 7208 §2.6: none, neutral, pass, fail, softfail, temperror, permerror
    dkim_domains: tuple[str, ...] = ()  # whose signature is good
    dmarc: str = "none"  # pass, fail, none (no record), temperror
    aligned: bool = False
    from_domain: str = ""  # as A-labels; "" where there is not exactly one author
    refusal_asked: bool = False  # the domain's record asks to refuse or set apart what fails (RFC 7489 §6.3)


def authenticate(raw: bytes, peer_ip: str, helo: str, mail_from: str, lookup: Lookup) -> Authentication:
    """Check a mail as it was received. `peer_ip` is "" where it did not come by SMTP; `mail_from` is "" for null."""
    names = _Names(lookup)
    from_domain = _from_domain(parse(raw))
    spf_result, spf_domain = _check_spf(peer_ip, helo, mail_from, names)
    signed_by = tuple(_check_dkim(raw, names))
    vouching = [*signed_by, *([spf_domain] if spf_result == "pass" else [])]
    policy = _find_policy(from_domain, names)
    aligned = policy.aligns(from_domain, signed_by, [spf_domain] if spf_result == "pass" else [])
    if not policy.found:
        dmarc = "temperror" if names.failed else "none"
    else:
        dmarc = "pass" if aligned else "temperror" if names.failed and not vouching else "fail"
    return Authentication(spf_result, signed_by, dmarc, aligned, from_domain, policy.refuses)


def _from_domain(mail: Mail) -> str:
    """The domain of the one author; DMARC knows no answer for more (RFC 7489 §6.6.1)."""
    if len(mail.raw_headers("From")) != 1 or len(mail.from_addresses) != 1:
        return ""
    return ascii_domain(mail.from_addresses[0].domain) or ""


_LOOKUPS_MAX = 60  # per mail: SPF alone may ask 10 times, and for 10 addresses each


@dataclass
class _Names:
    """DNS with a memory and a bound."""

    lookup: Lookup
    known: dict[tuple[str, str], Sequence[str]] = field(default_factory=dict)
    failed: bool = False

    def find(self, name: str, kind: str) -> Sequence[str]:
        key = (name.rstrip(".").lower(), kind)
        if key not in self.known:
            if len(self.known) >= _LOOKUPS_MAX:
                self.failed = True
                raise LookupFailed(f"more than {_LOOKUPS_MAX} lookups for one mail")
            try:
                self.known[key] = self.lookup(*key)
            except LookupFailed:
                self.failed = True
                raise
        return self.known[key]


# SPF


class _SpfQuery(spf.query):  # type: ignore[misc]  # has no types
    """pyspf with our DNS: every question that it asks goes through this one method."""

    def __init__(self, names: _Names, **identity: str) -> None:
        self._names = names
        super().__init__(**identity)

    def dns(self, name: str, qtype: str, cnames: object = None, ignore_void: bool = False) -> list[Any]:
        if qtype == "SPF":
            return []  # RFC 7208 §3.1: the record type is gone
        try:
            values = self._names.find(str(name), qtype)
        except LookupFailed as error:
            raise spf.TempError(f"DNS {error}") from error
        if not values and not ignore_void:
            self.void_lookups += 1
            if self.void_lookups > spf.MAX_VOID_LOOKUPS:
                raise spf.PermError("too many void lookups")
        return [_as_pyspf_has_it(value, qtype) for value in values]


def _as_pyspf_has_it(value: str, qtype: str) -> Any:
    if qtype == "TXT":
        return (value.encode("utf-8", "replace"),)
    if qtype == "MX":
        preference, _, exchange = value.partition(" ")
        return int(preference), exchange.rstrip(".")
    return value.rstrip(".")


def _check_spf(peer_ip: str, helo: str, mail_from: str, names: _Names) -> tuple[str, str]:
    """(result, the domain it is about): of MAIL FROM, or of HELO for the null path (RFC 7208 §2.4)."""
    sender = parse_address(mail_from)
    domain = ascii_domain(sender.domain if sender else helo) or ""
    if not peer_ip or not domain or "." not in domain:
        return "none", domain
    identity = f"{sender.local if sender else 'postmaster'}@{domain}"
    try:
        result = _SpfQuery(names, i=peer_ip, s=identity, h=helo).check()[0]
    except Exception:  # QUIRK: pyspf 2.0.14 raises ValueError, IndexError and more on odd records and addresses
        return "permerror", domain
    return result, domain


# DKIM

_SIGNATURES_MAX = 8
_DKIM_SIZE_MAX = 50 * 1024 * 1024
# QUIRK: dkimpy looks for blanks before each line end in time that grows with the square of their number.
_LONG_BLANKS = re.compile(rb"[ \t]{3000}")
_SILENT = logging.Logger("dkim", logging.CRITICAL)


def _check_dkim(raw: bytes, names: _Names) -> Iterator[str]:
    """The domains whose signature is good, each once, in order."""
    if len(raw) > _DKIM_SIZE_MAX or _LONG_BLANKS.search(raw) or b"dkim-signature" not in raw.lower():
        return
    seen = set()
    for number in range(_SIGNATURES_MAX):
        domain = _verified_domain(raw, number, names)
        if domain is None:
            return
        if domain and domain not in seen:
            seen.add(domain)
            yield domain


def _verified_domain(raw: bytes, number: int, names: _Names) -> str | None:
    """The domain of that signature if it is good, "" if it is not, None where there is no such signature."""

    def key_record(name: bytes, timeout: int = 0) -> bytes | None:
        values = names.find(name.decode("ascii"), "TXT")
        return next((value.encode() for value in values if "p=" in value), None)

    try:
        message = dkim.DKIM(raw, logger=_SILENT, minkey=1024)
        if number >= sum(name.lower() == b"dkim-signature" for name, _ in message.headers):
            return None
        verified = message.verify(idx=number, dnsfunc=key_record)
        fields = message.signature_fields
        whole = b"l" not in fields and fields.get(b"a", b"").lower() != b"rsa-sha1"
        return (ascii_domain(message.domain.decode("ascii")) or "") if verified and whole else ""
    except Exception:  # QUIRK: dkimpy 1.1.8 raises what base64, struct and its parsers raise, beside its own errors
        return ""


# DMARC

_REFUSE = ("reject", "quarantine")
_TAG = re.compile(r"\s*([a-z]+)\s*=\s*([^;]*?)\s*\Z")


@dataclass(frozen=True, slots=True)
class _Policy:
    """A DMARC record as far as alignment goes; relaxed where there is none (RFC 7489 §3.1)."""

    found: bool = False
    strict_dkim: bool = False
    strict_spf: bool = False
    refuses: bool = False

    def aligns(self, from_domain: str, signed_by: Iterable[str], sent_by: Iterable[str]) -> bool:
        return any(_is_aligned(domain, from_domain, self.strict_dkim) for domain in signed_by) or any(
            _is_aligned(domain, from_domain, self.strict_spf) for domain in sent_by
        )


def _find_policy(from_domain: str, names: _Names) -> _Policy:
    """The record of the domain, else of its organisation (RFC 7489 §6.6.3)."""
    for domain in dict.fromkeys((from_domain, organisation(from_domain))):
        try:
            records = [value for value in names.find(f"_dmarc.{domain}", "TXT") if _is_dmarc(value)] if domain else []
        except LookupFailed:
            return _Policy()
        if len(records) == 1:
            tags = {match[1]: match[2].lower() for tag in records[0].split(";") if (match := _TAG.match(tag))}
            wish = tags.get("p", "none") if domain == from_domain else tags.get("sp", tags.get("p", "none"))
            return _Policy(True, tags.get("adkim", "r") == "s", tags.get("aspf", "r") == "s", wish in _REFUSE)
    return _Policy()


def _is_dmarc(record: str) -> bool:
    return record.replace(" ", "").lower().startswith("v=dmarc1")


def _is_aligned(domain: str, from_domain: str, strict: bool) -> bool:
    if not domain or not from_domain:
        return False
    return domain == from_domain or (not strict and organisation(domain) == organisation(from_domain) != "")


@lru_cache(maxsize=1)
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


def organisation(domain: str) -> str:
    """The organisational domain of an A-label domain (RFC 7489 §3.2), "" for a public suffix."""
    return _suffixes().privatesuffix(domain) or ""


# Authentication-Results of our own server

_COMMENTS_MAX = 20
_COMMENT = re.compile(r"\([^()]*\)")
_RESULT = re.compile(r"\s*([a-z][a-z0-9-]{0,30})(?:/\d+)?\s*=\s*([a-z]{1,20})\b(.*)\Z", re.IGNORECASE | re.DOTALL)
_PROPERTY = re.compile(r'(?<!\S)([a-z]{1,20}\.[a-z0-9_-]{1,30})\s*=\s*("[^"]*"|[^\s;]+)', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Result:
    method: str
    value: str
    properties: dict[str, str]

    def domain(self, *names: str) -> str:
        """The domain of the first of these properties that is there; an address counts as its domain."""
        text = next((self.properties[name] for name in names if name in self.properties), "")
        return ascii_domain(text.rpartition("@")[2]) or ""


def from_headers(mail: Mail, authserv_id: str) -> Authentication:
    """What our mail exchanger `authserv_id` wrote on top of the mail; nothing where it did not."""
    results = [result for value in _topmost_run(mail, authserv_id) for result in _results(value)]
    from_domain = _from_domain(mail)
    passed = [result for result in results if result.value == "pass"]
    signed_by = tuple(dict.fromkeys(_domains(passed, "dkim", "header.d", "header.i")))
    sent_by = _domains(passed, "spf", "smtp.mailfrom", "smtp.mail", "smtp.helo")
    dmarc = next((result.value for result in results if result.method == "dmarc"), "none")
    if dmarc in ("pass", "fail"):
        vouched = _domains(passed, "dmarc", "header.from") == [from_domain]
        aligned = dmarc == "pass" and vouched and from_domain != ""
    else:
        aligned = _Policy().aligns(from_domain, signed_by, sent_by)
    spf_value = next((result.value for result in results if result.method == "spf"), "none")
    return Authentication(spf_value, signed_by, dmarc, aligned, from_domain, _published(results) in _REFUSE)


def _published(results: Iterable[_Result]) -> str:
    """The policy of the domain, where our server tells it in a property (authentication_milter does; others write it
    into a comment, in ways of their own, and it counts as not told)."""
    found = (result.properties for result in results if result.method == "dmarc")
    return next((told.get("policy.published-domain-policy", "").lower() for told in found), "")


def _topmost_run(mail: Mail, authserv_id: str) -> Iterator[str]:
    """The values of the first Authentication-Results fields, as long as they are ours and nothing was added between.

    A Received field below the first of them was there before our server wrote, and so is whatever follows it.
    """
    begun = False
    for name, value in mail.fields:
        is_result = name.lower() == "authentication-results"
        if begun and name.lower() == "received":
            return
        if is_result and not _is_ours(value, authserv_id):
            return
        if is_result:
            begun = True
            yield value


def _is_ours(value: str, authserv_id: str) -> bool:
    words = _without_comments(value).partition(";")[0].split()
    return bool(authserv_id and words) and words[0].strip('"').lower() == authserv_id.lower()


def _results(value: str) -> Iterator[_Result]:
    for part in _without_comments(value).split(";")[1:]:
        match = _RESULT.match(part)
        if match:
            found = {name.lower(): text.strip('"') for name, text in _PROPERTY.findall(match[3])}
            yield _Result(match[1].lower(), match[2].lower(), found)


def _without_comments(value: str) -> str:
    """Comments may nest (RFC 5322 §3.2.2); the innermost go first."""
    for _ in range(_COMMENTS_MAX):
        shorter = _COMMENT.sub(" ", value)
        if shorter == value:
            break
        value = shorter
    return value


def _domains(results: Iterable[_Result], method: str, *properties: str) -> list[str]:
    found = (result.domain(*properties) for result in results if result.method == method)
    return [domain for domain in found if domain]
