"""Which of our languages somebody writes in, as far as a mail tells. Only people we do not know yet are judged by it.

Content-Language (RFC 3282) counts first, then the commonest small words of each language: three at least, and twice
as many as of the other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from mailroom.message import Mail

LOOK_AT = 4000  # characters
FEWEST = 3
_WORD = re.compile(r"[a-zäöüß]+")
_SMALL_WORDS: Mapping[str, frozenset[str]] = {
    "de": frozenset(
        [
            "der",
            "die",
            "das",
            "und",
            "ich",
            "nicht",
            "ist",
            "ein",
            "eine",
            "zu",
            "mit",
            "auf",
            "für",
            "sie",
            "wir",
            "es",
            "den",
            "dem",
            "von",
            "bitte",
            "habe",
            "haben",
            "wird",
            "kann",
            "mir",
            "mein",
            "meine",
            "ihre",
            "ihnen",
            "auch",
            "noch",
            "nach",
            "bei",
            "sehr",
            "geehrte",
            "damen",
            "herren",
            "grüßen",
            "hallo",
            "danke",
            "wie",
            "aber",
            "wurde",
        ]
    ),
    "en": frozenset(
        [
            "the",
            "and",
            "to",
            "of",
            "is",
            "that",
            "it",
            "you",
            "for",
            "not",
            "with",
            "on",
            "have",
            "this",
            "be",
            "are",
            "my",
            "your",
            "please",
            "can",
            "was",
            "but",
            "from",
            "they",
            "will",
            "would",
            "there",
            "been",
            "what",
            "we",
            "hello",
            "thanks",
            "dear",
            "regards",
            "when",
            "how",
            "could",
            "our",
            "has",
        ]
    ),
}


def spoken_language(mail: Mail) -> str:
    """ "de", "en", or "" where it cannot be told."""
    declared = mail.header("Content-Language").strip().lower()[:2]
    return declared if declared in _SMALL_WORDS else _by_small_words(f"{mail.subject}\n{mail.text}"[:LOOK_AT])


def _by_small_words(text: str) -> str:
    words = _WORD.findall(text.lower())
    counted = {language: sum(word in small for word in words) for language, small in _SMALL_WORDS.items()}
    likely = max(counted, key=lambda language: counted[language])
    rival = max((count for language, count in counted.items() if language != likely), default=0)
    return likely if counted[likely] >= FEWEST and counted[likely] >= 2 * rival else ""
