"""One spelling for what people type in several: lower case, ü = ue = u, ß = ss, no accents."""

from __future__ import annotations

import unicodedata

_GERMAN = str.maketrans({"ä": "a", "ö": "o", "ü": "u", "ß": "ss", "æ": "a", "ø": "o", "œ": "o"})


def fold(text: str) -> str:
    """Both the stored text and the query go through this, so that they meet."""
    lowered = unicodedata.normalize("NFC", text.casefold()).translate(_GERMAN)
    for pair, letter in (("ae", "a"), ("oe", "o"), ("ue", "u")):
        lowered = lowered.replace(pair, letter)
    decomposed = unicodedata.normalize("NFKD", lowered)
    return "".join(char for char in decomposed if not unicodedata.combining(char))
