"""The query language, after Zendesk's: words and "phrases", `key:value`, `status<solved`, `-` for not, `order_by:`.

Values of one key are alternatives (`status:new status:open`); different keys all hold, and so do words. A star stands
for the rest of a word. What is not understood is told with its place, and left out: any text is a search.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches

from django.db.models import Q

from answerback.people.models import Account
from answerback.search import keys, matching
from answerback.search.keys import ALIASES, KEYS, Asked
from answerback.search.matching import Term
from answerback.search.sorts import SORTS

MOST_TERMS = 20
LONGEST = 1000
NEWEST, BEST = "id", "relevance"
_TERM = re.compile(
    r'(?P<not>-)?(?:(?P<key>[a-z_]{2,20})(?P<op>:|<=|>=|<|>)(?!//))?(?:"(?P<phrase>[^"]*)"?|(?P<word>\S+))', re.I
)
_ORDERS = {"order_by", "sort_by", "sort", "sort_order"}


@dataclass(frozen=True)
class Problem:
    """Something that was not understood. `kind` is a machine word; `at` counts characters from 0."""

    kind: str
    text: str
    at: int
    suggestion: str = ""


@dataclass
class Search:
    """A query, understood: conditions, terms of the full text that all stand in a ticket, terms that do not."""

    where: Q = field(default_factory=Q)
    terms: list[Term] = field(default_factory=list)
    without: list[Term] = field(default_factory=list)
    sort_by: str = ""
    descending: bool = True
    problems: list[Problem] = field(default_factory=list)

    @property
    def order(self) -> str:
        """What was asked for; else the newest first of words, the last updated first of everything else."""
        return self.sort_by or (NEWEST if self.terms else "updated")


@dataclass
class _Alternatives:
    """The values of one key: any of them."""

    where: Q | None = None
    terms: list[Term] | None = None

    def take(self, found: Q | list[Term]) -> None:
        if isinstance(found, Q):
            self.where = found if self.where is None else self.where | found
        elif self.terms is None:
            self.terms = found
        elif len(self.terms) == 1 == len(found):
            self.terms = [self.terms[0] | found[0]]
        else:
            self.terms = [*self.terms, *found]


def parse(text: str, account: Account | None) -> Search:
    """Never raises: what is not understood is told in `problems` and left out."""
    search = Search()
    if len(text) > LONGEST:
        search.problems.append(Problem("too_long", text[LONGEST : LONGEST + 20], LONGEST))
    slots: dict[tuple[str, str, bool], _Alternatives] = {}
    for count, term in enumerate(_TERM.finditer(text[:LONGEST].replace("\0", " "))):
        if count == MOST_TERMS:
            search.problems.append(Problem("too_many", term[0], term.start()))
            break
        _read(search, term, slots, account)
    for (_, _, negated), found in slots.items():
        _take(search, found, negated)
    return search


def _read(
    search: Search,
    term: re.Match[str],
    slots: dict[tuple[str, str, bool], _Alternatives],
    account: Account | None,
) -> None:
    key, operator, negated = (term["key"] or "").lower(), term["op"] or "", bool(term["not"])
    phrase = term["phrase"] is not None
    value = term["phrase"] if phrase else term["word"]
    if key in _ORDERS:
        _order(search, key, value, term.start("word") if not phrase else term.start())
        return
    found = _find(search, term, ALIASES.get(key, key), Asked(operator, value, account, phrase))
    if found is None:
        return
    slot = (key, operator, negated) if key and operator == ":" else ("", str(term.start()), negated)
    slots.setdefault(slot, _Alternatives()).take(found)


def _find(search: Search, term: re.Match[str], key: str, asked: Asked) -> Q | list[Term] | None:
    if not key:
        return _words(asked)
    row = KEYS.get(key)
    if row is None:
        search.problems.append(Problem("unknown_key", key, term.start("key"), _closest(key, [*KEYS, *ALIASES])))
        return None
    if asked.operator != ":" and not row.compares:
        search.problems.append(Problem("no_comparison", key, term.start("op")))
        return None
    found = row.find(asked)
    if found is None:
        at = term.start("phrase" if asked.phrase else "word")
        kind = "bad_moment" if key in ("created", "updated", "solved", "failed") else "bad_value"
        search.problems.append(Problem(kind, asked.value, at, _closest(asked.value, row.values)))
    return found


def _words(asked: Asked) -> Q | list[Term] | None:
    if asked.phrase:
        return matching.phrase(asked.value) or None
    if asked.value.startswith("#") and (number := keys.KEYS["id"].find(Asked(":", asked.value, None))) is not None:
        return number
    return matching.word(asked.value) or None


def _take(search: Search, found: _Alternatives, negated: bool) -> None:
    if found.where is not None:
        search.where &= ~found.where if negated else found.where
    if not found.terms:
        return
    if negated:
        search.without += found.terms
    else:
        search.terms += found.terms


def _order(search: Search, key: str, value: str, at: int) -> None:
    value = value.lower()
    if key in ("sort", "sort_order") and value in ("asc", "desc"):
        search.descending = value != "asc"
        return
    name = {"ticket_type": "type", "number": "id", "newest": "id"}.get(value, value.removesuffix("_at"))
    if name in SORTS or name == BEST:
        search.sort_by = name
    else:
        search.problems.append(Problem("unknown_order", value, at, _closest(name, [*SORTS, BEST])))


def _closest(text: str, known: Iterable[str]) -> str:
    return next(iter(get_close_matches(text.lower(), list(known), 1, 0.6)), "")
