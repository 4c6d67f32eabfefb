"""An administrator's own rules: words of a server's reply, and the cause that they mean here.

They are asked before all rules of the catalogue. The file is TOML, one table for each:

    [[rule]]
    words = "blocked by the partner gateway"
    cause = "reputation"

Words are looked for as in the catalogue's `wording`: anywhere in the reply, from the start of a word, `*` for up to 60
characters, upper and lower case alike.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import Any, Final

from mailroom.causes.catalogue import load

LEAST: Final = 3  # characters of words; fewer fit nearly every reply


class BadRulesError(ValueError):
    """What is wrong with the file, in one line."""


@dataclass(frozen=True, slots=True)
class OwnRule:
    words: str  # in lower case, one space between words
    cause: str


def read_rules(toml: str) -> tuple[OwnRule, ...]:
    """The rules of a file, in its order. BadRulesError."""
    try:
        entries = tomllib.loads(toml).get("rule", [])
    except tomllib.TOMLDecodeError as error:
        raise BadRulesError(f"it is no TOML: {error}") from None
    if not isinstance(entries, list):
        raise BadRulesError("rules are tables that begin with [[rule]]")
    return tuple(_rule(number, entry) for number, entry in enumerate(entries, start=1))


def _rule(number: int, entry: Any) -> OwnRule:
    words = " ".join(str(entry.get("words", "")).lower().split()) if isinstance(entry, dict) else ""
    cause = str(entry.get("cause", "")) if isinstance(entry, dict) else ""
    if len(words.replace("*", "")) < LEAST or words.startswith("*"):
        raise BadRulesError(f"rule {number} needs words of at least {LEAST} characters, and no * in front")
    if cause not in load().causes:
        raise BadRulesError(f"rule {number} names the cause {cause!r}, which does not exist; see docs/causes.md")
    return OwnRule(words, cause)
