"""Phrases, and how they are found in a text: what the rules of the catalogue and an administrator's own are made of.

A phrase is plain lower-case text that begins at the start of a word; `*` in it stands for up to 60 characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

_GAP = ".{0,60}?"


@dataclass(frozen=True, slots=True)
class Phrase:
    """One phrase of one cause. `needle` is its longest plain part: a cheap test before the full one."""

    rank: int  # place in the order of causes: the lowest wins
    cause: str
    source: str
    needle: str

    @classmethod
    def of(cls, rank: int, cause: str, source: str) -> Phrase:
        return cls(rank, cause, source, max(_parts(source), key=len))


class Phrases:
    """The phrases of one strength, found by the words of the text that they may begin with.

    A phrase whose first word is whole ("mailbox full") is found by that word, any other ("mailb") by its first letters.
    What begins otherwise, or in a script without words, is looked for in every text that has such characters.
    """

    def __init__(self, phrases: Iterable[Phrase]) -> None:
        self._by_word: dict[str, list[Phrase]] = {}
        self._by_start: dict[str, list[Phrase]] = {}
        self._anywhere: list[Phrase] = []
        self._beyond_ascii: list[Phrase] = []
        for phrase in phrases:
            word = _WORD.match(phrase.source)
            if word is None or not _divided_into_words(phrase.source):
                (self._anywhere if phrase.needle.isascii() else self._beyond_ascii).append(phrase)
            elif phrase.source[word.end() :][:1] not in ("", "*"):
                self._by_word.setdefault(word[0], []).append(phrase)
            else:
                self._by_start.setdefault(word[0][:_LETTERS], []).append(phrase)

    def best(self, text: str) -> Phrase | None:
        """The one that fits and wins, None where none fits."""
        return min((phrase for phrase in self._candidates(text) if _fits(phrase, text)), key=_rank, default=None)

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
_LETTERS = 3  # of a word, or fewer where it is shorter


def _fits(phrase: Phrase, text: str) -> bool:
    return phrase.needle in text and _pattern(phrase.source).search(text) is not None


def _rank(phrase: Phrase) -> tuple[int, int]:
    return phrase.rank, -len(phrase.source)


def _divided_into_words(text: str) -> bool:
    """Whether the script puts spaces between words; Thai, Chinese, Japanese and Korean suffixes do not."""
    return all(character < "\u0e00" or "\u1e00" <= character < "\u2e80" for character in text)


@cache  # one for each phrase that was ever near; compiling all of them at the start takes 0.1 s
def _pattern(source: str) -> re.Pattern[str]:
    pattern = _GAP.join(map(re.escape, _parts(source)))
    begins_with_word = source[0].isalnum() and _divided_into_words(source)
    return re.compile(rf"(?<!\w){pattern}" if begins_with_word else pattern, re.DOTALL)


def _parts(source: str) -> list[str]:
    return source.split("*")
