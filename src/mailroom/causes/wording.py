"""Phrases, and how they are found in a text: what the rules of the catalogue and an administrator's own are made of.

A phrase is plain lower-case text that begins at the start of a word; `*` in it stands for up to 60 characters, up to
the next place where what follows it stands. So each gap is tried once, and a phrase with many costs no more than its
share.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

GAP_MAX = 60  # characters
_PLAIN_PUNCTUATION = str.maketrans("’‘“”–—\u00a0", "''\"\"-- ")


def plain(text: str) -> str:
    """The text as phrases are written: in lower case, one space between words, straight quotation marks."""
    return " ".join(text.lower().translate(_PLAIN_PUNCTUATION).split())


@dataclass(frozen=True, slots=True)
class Phrase:
    """One phrase of one cause. `needle` is its longest plain part: a cheap test before the full one."""

    rank: int  # place in the order of causes: the lowest wins
    cause: str
    source: str
    needle: str

    @classmethod
    def of(cls, rank: int, cause: str, source: str) -> Phrase:
        return cls(rank, cause, source, max(source.split("*"), key=len))

    def fits(self, text: str) -> bool:
        """Whether it stands somewhere in the plain text."""
        return self.needle in text and _pattern(self.source).search(text) is not None


class Phrases:
    """The phrases of one strength, found by the words of the text that they may begin with.

    A phrase whose first word is whole ("mailbox full") is found by that word, any other ("mailb") by its first letters.
    What begins otherwise, with fewer letters, or in a script without words, is looked for in every text that has such
    characters.
    """

    def __init__(self, phrases: Iterable[Phrase]) -> None:
        self._by_word: dict[str, list[Phrase]] = {}
        self._by_start: dict[str, list[Phrase]] = {}
        self._anywhere: list[Phrase] = []
        self._beyond_ascii: list[Phrase] = []
        for phrase in phrases:
            word = _WORD.match(phrase.source)
            divided = word is not None and _divided_into_words(phrase.source)
            if word and divided and phrase.source[word.end() :][:1] not in ("", "*"):
                self._by_word.setdefault(word[0], []).append(phrase)
            elif word and divided and len(word[0]) >= _LETTERS:
                self._by_start.setdefault(word[0][:_LETTERS], []).append(phrase)
            else:
                (self._anywhere if phrase.needle.isascii() else self._beyond_ascii).append(phrase)

    def best(self, text: str) -> Phrase | None:
        """The one that fits and wins, None where none fits."""
        return min((phrase for phrase in self._candidates(text) if phrase.fits(text)), key=_rank, default=None)

    def _candidates(self, text: str) -> Iterable[Phrase]:
        yield from self._anywhere
        if not text.isascii():
            yield from self._beyond_ascii
        words = set(_WORD.findall(text))
        for word in words:
            yield from self._by_word.get(word, ())
        for start in {word[:_LETTERS] for word in words}:
            yield from self._by_start.get(start, ())


_WORD = re.compile(r"\w+")
_LETTERS = 3  # of a word


def _rank(phrase: Phrase) -> tuple[int, int]:
    return phrase.rank, -len(phrase.source)


def _divided_into_words(text: str) -> bool:
    """Whether the script puts spaces between words; Thai, Chinese, Japanese and Korean suffixes do not."""
    return all(character < "\u0e00" or "\u1e00" <= character < "\u2e80" for character in text)


@lru_cache(maxsize=4096)  # of phrases that were ever near; compiling all of them at the start takes 0.1 s
def _pattern(source: str) -> re.Pattern[str]:
    first, *rest = map(re.escape, source.split("*"))
    pattern = first + "".join(f"(?>.{{0,{GAP_MAX}}}?{part})" for part in rest)
    begins_with_word = source[0].isalnum() and _divided_into_words(source)
    return re.compile(rf"(?<!\w){pattern}" if begins_with_word else pattern, re.DOTALL)
