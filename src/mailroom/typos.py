"""What somebody probably meant to type as an address.

Policy: a suggestion is shown to a person who decides, so it must be nearly always right; none is better than a wrong
one. Only slips that leave a trace are mended: an ending that no registry knows, a sign that no address has, one slip of
the finger (a letter swapped, doubled, lost, or its neighbour hit) in a name that many people have. A domain that itself
is one of the known ones is never "mended" into its neighbour, and short names only where their ending is impossible.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from publicsuffixlist import PublicSuffixList
from rapidfuzz.distance import OSA

from mailroom.address import ascii_domain, syntax_problem


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# Where many people have their mailboxes, most of them first: of equally near ones the first is meant.
_PROVIDERS = _words(
    "gmail.com gmx.de web.de t-online.de outlook.com hotmail.com yahoo.com icloud.com freenet.de gmx.net outlook.de"
    " hotmail.de yahoo.de aol.com googlemail.com live.com live.de gmx.at gmx.ch aol.de arcor.de me.com mac.com msn.com"
    " mail.de posteo.de mailbox.org proton.me protonmail.com pm.me 1und1.de ionos.de online.de vodafone.de kabelmail.de"
    " unitybox.de ewe.net netcologne.de o2online.de bluewin.ch sunrise.ch hispeed.ch aon.at chello.at yahoo.co.uk"
    " hotmail.co.uk btinternet.com sky.com virginmedia.com yahoo.fr hotmail.fr orange.fr wanadoo.fr free.fr laposte.net"
    " sfr.fr libero.it virgilio.it tiscali.it alice.it hotmail.it yahoo.it hotmail.es yahoo.es telefonica.net ziggo.nl"
    " kpnmail.nl planet.nl home.nl skynet.be telenet.be wp.pl onet.pl o2.pl interia.pl seznam.cz centrum.cz mail.ru"
    " yandex.ru comcast.net verizon.net att.net sbcglobal.net bellsouth.net cox.net charter.net earthlink.net ymail.com"
    " rocketmail.com mail.com email.com fastmail.com zoho.com hey.com tutanota.com tutanota.de tuta.com"
)
_ENDINGS = {
    **dict.fromkeys(_words("con cmo ocm vom comm coom cim cpm xom om co,m"), "com"),
    **dict.fromkeys(_words("dee ded deu d e ed"), "de"),
    **dict.fromkeys(_words("nte ent nett met"), "net"),
    **dict.fromkeys(_words("ogr orgg rog"), "org"),
}
# Endings that exist and are nevertheless mostly a slip for .com where a provider has that name there.
_NEARLY_COM = frozenset(_words("co cm om"))
_SHORT = 5  # letters before the last dot


@dataclass(frozen=True, slots=True)
class Suggestion:
    """`reason` is a word for machines: typo_domain, typo_ending, missing_dot, comma, blank, prefix, extra_dot."""

    address: str
    reason: str


def suggest(address: str, known_domains: Collection[str] = ()) -> Suggestion | None:
    """A likely better address, or None. `known_domains` are those that our customers have, as A-labels."""
    tidy, reason = _tidied(address)
    local, at, domain = tidy.rpartition("@")
    if not at or not local or not domain:
        return None
    name = ascii_domain(domain) or ""
    if name and name not in known_domains:
        better, found = _better_domain(name, known_domains)
        name, reason = better, found or reason
    suggestion = f"{local}@{name if name != ascii_domain(domain) else domain}"
    if not reason or suggestion == address or syntax_problem(suggestion):
        return None
    return Suggestion(suggestion, reason)


_PREFIX = re.compile(r"\s*(?:mailto:|e-?mail:|www\.(?=[^@]*@))\s*", re.IGNORECASE)
_DOTS = re.compile(r"\.{2,}")

# What is done, in this order, and the word for it.
_MENDINGS: Sequence[tuple[Callable[[str], str], str]] = (
    (lambda text: _PREFIX.sub("", text, count=1), "prefix"),
    (lambda text: "".join(text.split()), "blank"),
    (lambda text: text.replace(",", ".") if text.count("@") == 1 else text, "comma"),
    (lambda text: _DOTS.sub(".", text).replace(".@", "@").replace("@.", "@").strip("."), "extra_dot"),
)


def _tidied(address: str) -> tuple[str, str]:
    """The address without signs that no address has, and the word for the last thing mended."""
    reason = ""
    for mend, word in _MENDINGS:
        mended = mend(address)
        if mended != address:
            address, reason = mended, word
    return address, reason


def _better_domain(domain: str, known: Collection[str]) -> tuple[str, str]:
    """A domain that was likelier meant, and why; the same one and "" where there is none."""
    if domain in _PROVIDERS:
        return domain, ""
    if "." not in domain:
        dotted = {name.replace(".", ""): name for name in reversed(_PROVIDERS)}.get(domain)
        return (dotted, "missing_dot") if dotted else (domain, "")
    if domain.startswith("www.") and domain.count(".") >= 2:
        return domain.removeprefix("www."), "prefix"
    nearest = _nearest(domain, [*_PROVIDERS, *known])
    if nearest:
        return nearest, "typo_domain"
    stem, _, ending = domain.rpartition(".")
    if ending in _ENDINGS and not _is_ending(ending):
        return f"{stem}.{_ENDINGS[ending]}", "typo_ending"
    return domain, ""


def _nearest(domain: str, candidates: Iterable[str]) -> str:
    """The domain one slip away, "" where none is. With an impossible ending, two slips in all are forgiven."""
    ending_exists = _is_ending(domain.rpartition(".")[2])
    slips = 1 if ending_exists else 2
    best, best_slips = "", slips + 1
    for candidate in candidates:
        if ending_exists and _may_be_another(domain, candidate):
            continue
        distance = OSA.distance(domain, candidate, score_cutoff=slips)
        if 0 < distance < best_slips:
            best, best_slips = candidate, distance
    return best


def _may_be_another(domain: str, candidate: str) -> bool:
    """Whether two domains that exist may well be so near each other: short names, and names in another country."""
    stem, _, ending = domain.rpartition(".")
    other_stem, _, _ = candidate.rpartition(".")
    return len(other_stem) < _SHORT or (stem == other_stem and ending not in _NEARLY_COM)


@lru_cache(maxsize=1)
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList(accept_unknown=False)


def _is_ending(label: str) -> bool:
    """Whether the registries know this top-level domain."""
    return bool(_suffixes().publicsuffix(f"example.{label}"))
