"""What to look for in the index: terms, each a choice of leaves. The index says it in its database's language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from answerback.search import tokens


class Column(Enum):
    """Where a token stands. The letter keeps columns apart where the database knows only one."""

    SUBJECT = "a"
    PEOPLE = "b"  # names and addresses, as words
    TEXT = "c"  # comments and file names
    SUBJECT_STEMS = "d"
    TEXT_STEMS = "e"
    CODES = "f"  # addresses, order numbers, the ticket's own number: each in one piece
    PIECES = "g"  # of three letters


WORDS = (Column.SUBJECT, Column.PEOPLE, Column.TEXT)
_STEMS = {Column.SUBJECT: Column.SUBJECT_STEMS, Column.TEXT: Column.TEXT_STEMS}
_FEWEST_LETTERS = 3  # of a part that is looked for inside of words


@dataclass(frozen=True)
class Leaf:
    """These tokens, one after the other, in one of the columns. `prefix`: the last is only the beginning of one."""

    columns: tuple[Column, ...]
    tokens: tuple[str, ...]
    prefix: bool = False


@dataclass(frozen=True)
class Term:
    """One of `leaves`; where nothing at all has any of them, one of `otherwise`."""

    leaves: tuple[Leaf, ...]
    otherwise: tuple[Leaf, ...] = ()
    spelled: Leaf | None = None  # exactly as it was typed, where the leaves look for more than that

    def __or__(self, other: Term) -> Term:
        return Term(self.leaves + other.leaves, self.otherwise + other.otherwise)


Match = Sequence[Term]  # all of them


def word(text: str, columns: tuple[Column, ...] = WORDS) -> list[Term]:
    """What a typed word, code or address looks for: one term for each run in it, none where there is no letter."""
    if "*" in text.rstrip("*"):
        return [_inside(part) for part in tokens.runs(text.replace("*", " "))]
    found = [_run(run, columns) for run in tokens.runs(text)]
    if text.endswith("*") and found:
        *_, last = tokens.runs(text)
        found[-1] = _prefix(last, columns)
    return found


def phrase(text: str, columns: tuple[Column, ...] = WORDS) -> list[Term]:
    """These words one after the other, as they are spelled."""
    spelled = [tokens.folded(one) for run in tokens.runs(text) for one in tokens.asked_words_of(run)]
    return [Term((Leaf(columns, tuple(spelled)),))] if spelled else []


def _run(run: str, columns: tuple[Column, ...]) -> Term:
    parts = tokens.asked_words_of(run)
    if not tokens.codes_of(run) and len(parts) == 1:
        return _single(parts[0], columns)
    spelled = tuple(tokens.folded(part) for part in parts)
    leaves: tuple[Leaf, ...] = (Leaf(columns, spelled),) if not run.startswith("@") else ()
    if whole := tokens.codes_of(run):
        leaves += (Leaf((Column.CODES,), (whole[0],), prefix=True),)
    return Term(leaves, _pieces(run) if columns == WORDS else ())


def _single(text: str, columns: tuple[Column, ...]) -> Term:
    spelled, stems = tokens.folded(text), tokens.stems(text)
    stemmed = tuple(_STEMS[column] for column in columns if column in _STEMS)
    if stems and stemmed:
        plain = tuple(column for column in columns if column not in _STEMS)
        leaves = tuple(Leaf(stemmed, (stem,)) for stem in stems)
        leaves += (Leaf(plain, (spelled,)),) if plain else ()
    else:
        leaves = (Leaf(columns, (spelled,), prefix=len(text) == 1 and not text.isascii()),)
        leaves += (Leaf((Column.CODES,), (spelled,)),) if text.isdigit() else ()
    return Term(leaves, _pieces(text) if columns == WORDS else (), Leaf(columns, (spelled,)))


def _prefix(run: str, columns: tuple[Column, ...]) -> Term:
    spelled = tuple(tokens.folded(part) for part in tokens.asked_words_of(run))
    leaves: tuple[Leaf, ...] = (Leaf(columns, spelled, prefix=True),) if spelled else ()
    if whole := tokens.codes_of(run):
        leaves += (Leaf((Column.CODES,), (whole[0],), prefix=True),)
    return Term(leaves)


def _inside(run: str) -> Term:
    """A star that does not stand at the end: any part of names, subjects, codes and numbers."""
    return Term(_pieces(run) or (Leaf(WORDS, (tokens.folded(run),), prefix=True),))


def _pieces(run: str) -> tuple[Leaf, ...]:
    spelled = tokens.folded(run)[: tokens.LONGEST]
    if len(spelled) < _FEWEST_LETTERS:
        return ()
    return (Leaf((Column.PIECES,), tuple(tokens.pieces_of([spelled])[:-1])),)
