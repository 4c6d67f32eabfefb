"""The words of notices, from `phrases.toml`, made ready for one linear pass over a text."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from importlib.resources import files
from typing import Final

_DATA: Final[dict[str, list[str]]] = tomllib.loads(files(__package__).joinpath("phrases.toml").read_text("utf-8"))
_DECORATION: Final = " \t\r>*=_-.#~+|:!、。："
_SPACE: Final = re.compile(r"\s+")
_APOSTROPHES: Final = str.maketrans("’‘´`", "''''")
_FIRST_UNSPACED: Final = "\u2e80"  # from here on, scripts that put no blanks between words


def folded(text: str) -> str:
    """`text` as the tables spell it: lower case, straight apostrophes, one space between words."""
    return _SPACE.sub(" ", text if text.isascii() else text.translate(_APOSTROPHES)).lower()


class Phrases:
    """A list of phrases. Each begins at the start of a word; those of Chinese, Japanese and Korean begin anywhere."""

    def __init__(self, names: Iterable[str]) -> None:
        ordered = sorted(set(names))
        self._spaced = _pattern([name for name in ordered if name[0] < _FIRST_UNSPACED], r"(?<!\w)")
        self._unspaced = _pattern([name for name in ordered if name[0] >= _FIRST_UNSPACED], "")

    def occur_in(self, text: str) -> bool:
        """Whether any of them is in folded text."""
        return bool(self._spaced.search(text)) or (not text.isascii() and bool(self._unspaced.search(text)))


def _pattern(names: list[str], start: str) -> re.Pattern[str]:
    """The phrases as a tree of their letters: with hundreds of alternatives side by side a search takes ten times."""
    return re.compile(start + _branches(names)) if names else re.compile(r"(?!)")


def _branches(names: list[str]) -> str:
    """What may follow here; a phrase that ends here makes its longer siblings needless."""
    if "" in names:
        return ""
    letters = sorted({name[0] for name in names})
    branches = [re.escape(letter) + _branches([name[1:] for name in names if name[0] == letter]) for letter in letters]
    return branches[0] if len(branches) == 1 else f"(?:{'|'.join(branches)})"


def _phrases(key: str) -> Phrases:
    return Phrases(_DATA[key])


SENDER_NAMES: Final = _phrases("sender_names")
SUBJECTS: Final = _phrases("subjects")
STILL_TRYING: Final = _phrases("still_trying")
GIVEN_UP: Final = _phrases("given_up")
GIVEN_UP_TRANSIENT: Final = _phrases("given_up_transient")
EXPIRED: Final = _phrases("expired")
FAILURES: Final = _phrases("failures")
REFUSED_BY_FILTER: Final = _phrases("refused_by_filter")

SENDER_LOCAL_PARTS: Final = frozenset(_DATA["sender_local_parts"])
RECIPIENT_LABELS: Final = frozenset(_DATA["recipient_labels"])
ADDRESSED_LABELS: Final = frozenset(_DATA["addressed_labels"])
OTHER_LABELS: Final = frozenset(_DATA["other_labels"])
REASON_LABELS: Final = frozenset(_DATA["reason_labels"])
_OTHER_LEADS: Final = tuple(_DATA["other_leads"])
_ORIGIN_LEADS: Final = tuple(_DATA["origin_leads"])
_DIAGNOSTIC_LEADS: Final = tuple(_DATA["diagnostic_leads"])
_MACHINE_SUBJECTS: Final = frozenset(_DATA["machine_subjects"])
_MACHINE_SUBJECT_ENDS: Final = tuple(_DATA["machine_subject_ends"])

# Where the returned original begins: "--- Below this line is a copy of the message."
_EDGE: Final = rf"[{re.escape(_DECORATION)}]{{0,100}}"
BREAK: Final = re.compile(
    rf"^{_EDGE}(?:{_branches(_DATA['break_lines'])}{_EDGE}$|{_branches(_DATA['break_starts'])})"
    rf"|^[^\n]{{0,60}}{_branches(_DATA['break_words'])}",
    re.I | re.M,
)


def is_machine_subject(subject: str) -> bool:
    """Whether only a mail system would write this folded subject."""
    return subject.strip() in _MACHINE_SUBJECTS or subject.endswith(_MACHINE_SUBJECT_ENDS)


def leads_to_other(line: str) -> bool:
    """Whether an address after `line` belongs to somebody else than the recipient: "Please contact"."""
    return _bare_end(line).endswith(_OTHER_LEADS)


def leads_to_diagnostics(line: str) -> bool:
    """Whether what only administrators need begins below `line`: "Diagnostic information for administrators:"."""
    return _bare_end(line).endswith(_DIAGNOSTIC_LEADS)


def leads_to_origin(line: str) -> bool:
    """Whether an address after `line` is the one that the failing address was made from: "(generated from"."""
    return _bare_end(line).endswith(_ORIGIN_LEADS)


def _bare_end(line: str) -> str:
    return folded(line[-80:]).rstrip(_DECORATION + '<("')
