"""What the full text is made of: words, their stems, whole codes and addresses, and pieces of three letters.

Policy: both databases get the same tokens, made here, so that both find the same. A word is folded (lower case,
ü = ue = u, ß = ss) and stemmed as German and as English, because a ticket does not say which it is. What is written in
one piece with signs inside (an address, an order number) is a code: kept whole beside its words. Names, subjects, codes
and numbers are also cut into pieces of three, for a part from their middle. Scripts without blanks (Chinese, Japanese,
Thai …) become pairs of letters that overlap.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache

from snowballstemmer import stemmer

from answerback.search.folding import fold

LONGEST = 60  # characters of a token
GAP = "¦"  # stands between what must not be read as one
_RUN = re.compile(r"@?[^\W_](?:[\w.@+\-/:&'’]*[^\W_])?")
_SIGNS = re.compile(r"[\W_]+")
_LOOSE_MARKS = re.compile("[\u0300-\u036f]+")
_WITHOUT_BLANKS = re.compile(
    "([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]+)"
)
_STEMMERS = (stemmer("german"), stemmer("english"))
_STEMMED = range(3, 40)  # letters of a word that has a stem


def runs(text: str) -> Iterator[str]:
    """What stands between blanks and loose signs: "mueller@acme.test", "R-2026-0041", "don't", "Haus"."""
    prepared = _LOOSE_MARKS.sub("", unicodedata.normalize("NFKC", text.casefold()))
    for found in _RUN.finditer(prepared):
        yield found[0]


def words_of(run: str) -> list[str]:
    """The words of a run, not folded yet. A last letter stands for itself as well, so that it can be looked for."""
    found = []
    for part in _SIGNS.split(run):
        for piece in _WITHOUT_BLANKS.split(part):
            if not piece:
                continue
            if _WITHOUT_BLANKS.match(piece):
                found += [piece[at : at + 2] for at in range(len(piece))]
            else:
                found.append(piece[:LONGEST])
    return found


def asked_words_of(run: str) -> list[str]:
    """The words to look for: the same, but a last letter only where it stands alone."""
    found = words_of(run)
    return [
        word
        for at, word in enumerate(found)
        if not (at and len(word) == 1 and _WITHOUT_BLANKS.match(word) and found[at - 1].endswith(word))
    ]


@lru_cache(maxsize=200_000)
def folded(word: str) -> str:
    return fold(word)


@lru_cache(maxsize=200_000)
def stems(word: str) -> tuple[str, ...]:
    """Folded German and English stems; none for what is no word of letters."""
    if len(word) not in _STEMMED or not word.isalpha() or _WITHOUT_BLANKS.match(word):
        return ()
    return tuple(dict.fromkeys(fold(one.stemWord(word)) for one in _STEMMERS))


def is_code(run: str) -> bool:
    """Written in one piece, with signs or digits: looked for by its beginning and its parts."""
    return not run.isalpha()


def codes_of(run: str) -> list[str]:
    """The run as a whole, and of an address also its end from the @ on."""
    if not _SIGNS.search(run):
        return []
    whole = fold(run)
    _, at, domain = whole.rpartition("@")
    ends = [f"@{domain}"] if at and whole != f"@{domain}" else []
    return [one[:LONGEST] for one in (whole, *ends)]


def pieces_of(texts: Iterable[str]) -> list[str]:
    """Every three neighbouring letters of each text, with a gap between two texts."""
    found: list[str] = []
    for text in texts:
        whole = text[:LONGEST]
        found += [whole[at : at + 3] for at in range(len(whole) - 2)]
        found.append(GAP)
    return found
