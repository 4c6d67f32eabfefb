"""The words of notices, from `phrases.toml`: one compiled pattern per list, so that a search is one linear pass."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from importlib.resources import files
from typing import Final

_DATA: Final[dict[str, list[str]]] = tomllib.loads(files(__package__).joinpath("phrases.toml").read_text("utf-8"))
_DECORATION: Final = " \t\r>*=_-.#~+|:!、。："
_SPACE = re.compile(r"\s+")
_APOSTROPHES = str.maketrans("’‘´`", "''''")


def folded(text: str) -> str:
    """`text` as the tables spell it: lower case, straight apostrophes, one space between words."""
    return _SPACE.sub(" ", text.translate(_APOSTROPHES)).lower()


def _words(names: Iterable[str]) -> re.Pattern[str]:
    """Any of the phrases, anywhere in folded text."""
    return re.compile("|".join(re.escape(name) for name in sorted(names, key=len, reverse=True)))


SENDER_LOCAL_PARTS: Final = frozenset(_DATA["sender_local_parts"])
SENDER_NAME = _words(_DATA["sender_names"])
SUBJECT = _words(_DATA["subjects"])
_MACHINE_SUBJECTS: Final = frozenset(_DATA["machine_subjects"])
_MACHINE_SUBJECT_ENDS: Final = tuple(_DATA["machine_subject_ends"])
STILL_TRYING = _words(_DATA["still_trying"])
GIVEN_UP = _words(_DATA["given_up"])
GIVEN_UP_TRANSIENT = _words(_DATA["given_up_transient"])
EXPIRED = _words(_DATA["expired"])
FAILURE = _words(_DATA["failures"])
RECIPIENT_LABELS: Final = frozenset(_DATA["recipient_labels"])
ADDRESSED_LABELS: Final = frozenset(_DATA["addressed_labels"])
OTHER_LABELS: Final = frozenset(_DATA["other_labels"])
_OTHER_LEADS: Final = tuple(_DATA["other_leads"])
_ORIGIN_LEADS: Final = tuple(_DATA["origin_leads"])
_BREAK_LINES: Final = frozenset(_DATA["break_lines"])
_BREAK_STARTS: Final = tuple(_DATA["break_starts"])
_BREAK_WORDS = _words(_DATA["break_words"])


def begins_original(line: str) -> bool:
    """Whether `line` announces the returned original: "--- Below this line is a copy of the message."."""
    if len(line) > 200:
        return False
    bare = folded(line).strip(_DECORATION)
    return bare in _BREAK_LINES or bare.startswith(_BREAK_STARTS) or bool(_BREAK_WORDS.search(bare))


def is_machine_subject(subject: str) -> bool:
    """Whether only a mail system would write this folded subject."""
    return subject.strip() in _MACHINE_SUBJECTS or subject.endswith(_MACHINE_SUBJECT_ENDS)


def leads_to_other(line: str) -> bool:
    """Whether an address after `line` belongs to somebody else than the recipient: "Please contact"."""
    return folded(line).strip(_DECORATION + '<("').endswith(_OTHER_LEADS)


def leads_to_origin(line: str) -> bool:
    """Whether an address after `line` is the one that the failing address was made from: "(generated from"."""
    return folded(line).strip(_DECORATION + '<("').endswith(_ORIGIN_LEADS)
