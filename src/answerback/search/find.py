"""The tickets of a search, a page at a time.

Three ways, chosen by how many tickets have the words, which the index says up to a bound. Words alone, newest first:
read off the index, however many there are. Few tickets: these, in any order. Many: tickets are taken in the wanted
order and asked whether they have the words; as many have them, a page is full soon. A search that would go on for long
stops at a bound, and the next page goes on from there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Q, QuerySet

from answerback.search import index, keyset, sorts, views
from answerback.search.keys import FEW, settled
from answerback.search.keyset import Key, Page
from answerback.search.matching import Column, Leaf, Match, Term
from answerback.search.models import Document
from answerback.search.query import BEST, NEWEST, Search
from answerback.tickets.models import Ticket

MOST = 10_000  # tickets that are counted, exported, or paged by offset
_ALL = 500_000
_RANKED = 500  # newest hits among which the best come first
_CHUNKS = (200, 400, 800, 1600, 3200)
_MOST_LONG = 200  # newest tickets of several documents that are asked term by term
_ID = [Key("id")]


def page(
    search: Search,
    order: str,
    descending: bool,
    after: str = "",
    before: str = "",
    size: int = keyset.PAGE_SIZE,
) -> Page:
    """One page of the search in that order."""
    terms = settled(search.terms, index.tickets())
    if not terms and not search.without:
        rows, keys = sorts.ordered(Ticket.objects.filter(search.where), order, descending)
        return keyset.page(views.with_names(rows, (order,)), keys, after, before, size)
    if terms and order == BEST:
        return _best(search, terms, after, before, size)
    if terms and order == NEWEST and search.where == Q():
        return _newest(search, terms, descending, after, before, size)
    few = _few(search, terms) if terms else None
    rows = Ticket.objects.filter(search.where, **({} if few is None else {"pk__in": few}))
    rows, keys = sorts.ordered(rows, order if order != BEST else "updated", descending)
    if few is not None:
        return keyset.page(views.with_names(rows, (order,)), keys, after, before, size)
    return _scan(search, terms, rows, keys, after, before, size)


def tickets(search: Search, most: int = MOST) -> QuerySet[Ticket]:
    """All tickets of the search; of those with words, the newest `most`."""
    rows = Ticket.objects.filter(search.where)
    if not search.terms and not search.without:
        return rows
    return Ticket.objects.filter(pk__in=_newest_ids(search, rows, most))


def is_complete(search: Search, most: int = MOST) -> bool:
    """Are these all?"""
    return not (search.terms or search.without) or count(search, most) <= most


def count(search: Search, most: int = MOST) -> int:
    """How many, up to `most` + 1."""
    if not search.terms and not search.without:
        return Ticket.objects.filter(search.where).order_by()[: most + 1].count()
    return len(_newest_ids(search, Ticket.objects.filter(search.where), most + 1))


def count_quickly(search: Search, most: int) -> int | None:
    """The same, but None where it would take long: common words together with conditions."""
    if search.terms and search.where != Q() and _few(search, settled(search.terms, index.tickets())) is None:
        return None
    return count(search, most)


def _newest_ids(search: Search, rows: QuerySet[Ticket], most: int) -> list[int]:
    """With conditions, all that have the words are gone through, to a bound that a desk hardly meets."""
    plain = search.where == Q()
    ids: Iterable[int] = rows.order_by("-id").values_list("id", flat=True)[: most if plain else _ALL]
    if search.terms:
        found = _hits(settled(search.terms, index.tickets()), most if plain and not search.without else _ALL)
        has_words = set(found)
        ids = found if plain else [pk for pk in ids if pk in has_words]
    left: list[int] = []
    ids = list(ids)
    for start in range(0, len(ids), most):
        left += _without(search, ids[start : start + most])
        if len(left) >= most:
            break
    return left[:most]


def _newest(search: Search, terms: Match, descending: bool, after: str, before: str, size: int) -> Page:
    """Straight off the index. Where words are to be absent, it is read on until the page is full."""
    backwards = bool(before)
    mark = keyset.read_mark(before or after, 1)
    beyond, found = (mark[0] if mark else None), []
    for chunk in (size + 1, *_CHUNKS):
        hits = _hits(terms, chunk, beyond, newest_first=descending != backwards)
        found += _without(search, hits)
        if len(found) > size or len(hits) < chunk:
            break
        beyond = hits[-1]
    rows = views.with_names(Ticket.objects.filter(pk__in=found[: size + 1])).order_by("-id")
    ordered = list(rows) if descending != backwards else list(rows)[::-1]
    return keyset.cut(ordered, size, backwards, marked=mark is not None, mark=_by_id)


def _best(search: Search, terms: Match, after: str, before: str, size: int) -> Page:
    """Of the newest hits: words in the subject first, then words as they were typed, then the rest."""
    hits = _without(search, _hits(terms, _RANKED))
    if search.where != Q():
        hits = list(Ticket.objects.filter(search.where, pk__in=hits).order_by("-id").values_list("id", flat=True))
    ranks = dict.fromkeys(hits, 0)
    for rank, better in enumerate((_spelled(terms), _in_subject(terms)), start=1):
        if better:
            ranks |= {pk: rank for pk in _hits(better, _RANKED) if pk in ranks}
    backwards, mark = bool(before), keyset.read_mark(before or after, 2)
    ordered = sorted(((rank, pk) for pk, rank in ranks.items()), reverse=not backwards)
    if mark:
        start = tuple(mark)
        ordered = [one for one in ordered if (one > start if backwards else one < start)]
    wanted = ordered[: size + 1]
    rows = views.with_names(Ticket.objects.filter(pk__in=[pk for _, pk in wanted])).in_bulk()
    found = [rows[pk] for _, pk in wanted if pk in rows]
    return keyset.cut(
        found,
        size,
        backwards,
        marked=mark is not None,
        mark=lambda ticket: keyset.write_mark([ranks[ticket.pk], ticket.pk]),
    )


def _scan(
    search: Search, terms: Match, rows: QuerySet[Ticket], keys: Sequence[Key], after: str, before: str, size: int
) -> Page:
    """Take tickets in order and keep those that have the words."""
    backwards, mark = bool(before), before or after
    marked = keyset.read_mark(mark, len(keys)) is not None
    rows = rows.only("id", *(key.name for key in keys if key.name not in rows.query.annotations))
    found: list[Ticket] = []
    reached: Page | None = None
    for chunk in _CHUNKS:
        reached = keyset.page(rows, keys, *(("", mark) if backwards else (mark, "")), size=chunk)
        taken = reached.rows[::-1] if backwards else reached.rows
        kept = set(_having(search, terms, [ticket.pk for ticket in taken]))
        found += [ticket for ticket in taken if ticket.pk in kept]
        mark = reached.before if backwards else reached.after
        if len(found) > size or not mark:
            break
    page = keyset.cut(found, size, backwards, marked=marked, mark=lambda ticket: keyset.mark_of(ticket, keys))
    named = views.with_names(Ticket.objects.filter(pk__in=[ticket.pk for ticket in page.rows]), views.COLUMNS).in_bulk()
    whole = [named[ticket.pk] for ticket in page.rows if ticket.pk in named]
    further = mark if len(found) <= size else ""  # stopped at the bound: go on from there
    if backwards:
        return Page(whole, page.after, page.before or further)
    return Page(whole, page.after or further, page.before)


def _hits(terms: Match, limit: int, beyond: int | None = None, newest_first: bool = True) -> list[int]:
    """The first tickets that have all terms: in one document, or in several of a long ticket."""
    found = index.tickets().hits(terms, limit, beyond, newest_first)
    if len(terms) < 2:
        return found
    further = [pk for pk in _across(terms) if beyond is None or (pk < beyond if newest_first else pk > beyond)]
    return sorted({*found, *further}, reverse=newest_first)[:limit] if further else found


def _across(terms: Match, among: Iterable[int] | None = None) -> set[int]:
    """Tickets so long that they have several documents, with the terms spread over these."""
    if len(terms) < 2:
        return set()
    long = Document.objects.filter(number=1).order_by("-ticket_id").values_list("ticket_id", flat=True)
    found = set(long[:_MOST_LONG] if among is None else long.filter(ticket_id__in=list(among)))
    for term in terms:
        found = index.tickets().among([term], found) if found else found
    return found


def _few(search: Search, terms: Match) -> list[int] | None:
    """The tickets that have the words, or None where they are many."""
    found = _hits(terms, FEW + 1)
    return _without(search, found) if len(found) <= FEW else None


def _having(search: Search, terms: Match, ids: list[int]) -> list[int]:
    found = index.tickets().among(terms, ids) | _across(terms, ids) if terms else set(ids)
    return _without(search, [pk for pk in ids if pk in found])


def _without(search: Search, ids: Iterable[int]) -> list[int]:
    left = list(ids)
    for term in search.without:
        has = index.tickets().among([term], left) if left else set()
        left = [pk for pk in left if pk not in has]
    return left


def _in_subject(terms: Match) -> list[Term]:
    return _restricted(terms, {Column.SUBJECT, Column.SUBJECT_STEMS})


def _spelled(terms: Match) -> list[Term]:
    """Words as they were typed, not only their stems."""
    return [Term((term.spelled,)) if term.spelled else term for term in terms]


def _restricted(terms: Match, columns: set[Column]) -> list[Term]:
    """The same terms in these columns only; none where one of them stands in none of these."""
    found = []
    for term in terms:
        leaves = [
            Leaf(kept, leaf.tokens, leaf.prefix)
            for leaf in term.leaves
            if (kept := tuple(column for column in leaf.columns if column in columns))
        ]
        if not leaves:
            return []
        found.append(Term(tuple(leaves)))
    return found


def _by_id(row: Any) -> str:
    return keyset.mark_of(row, _ID)
