"""An administrator's own rules: words of a server's reply, and the cause that they mean here.

They are asked before all rules of the catalogue, one after the other; the first that fits counts. Words are looked for
as in the catalogue's `wording`: anywhere in the reply, from the start of a word, `*` for up to 60 characters, upper and
lower case alike. As a file they are TOML, one table for each:

    [[rule]]
    words = "blocked by the partner gateway"
    cause = "reputation"
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from mailroom.causes.catalogue import load
from mailroom.causes.wording import GAP_MAX, Phrase, plain

LEAST: Final = 3  # characters of words; fewer fit nearly every reply
LONGEST: Final = 300
MOST_GAPS: Final = 5
_GAPS: Final = re.compile(r"\*+")
_LETTER: Final = "\N{GOTHIC LETTER AHSA}"  # which no rule will have


class Problem(StrEnum):
    """What is wrong with a rule."""

    FEW_WORDS = "few_words"
    GAP_FIRST = "gap_first"
    MANY_GAPS = "many_gaps"
    LONG = "long"
    NO_CAUSE = "no_cause"


class BadRuleError(ValueError):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem


class BadRulesError(ValueError):
    """What is wrong with the file, in one line."""


@dataclass(frozen=True, slots=True)
class OwnRule:
    words: str  # as `plain` leaves them
    cause: str

    @property
    def phrase(self) -> Phrase:
        return Phrase.of(0, self.cause, self.words)


def own_rule(words: str, cause: str) -> OwnRule:
    """The rule that somebody typed; its cause is one that text can name. BadRuleError."""
    words = _GAPS.sub("*", plain(words)).rstrip("* ")
    if words.startswith("*"):
        raise BadRuleError(Problem.GAP_FIRST)
    if len(words.replace("*", "")) < LEAST:
        raise BadRuleError(Problem.FEW_WORDS)
    if words.count("*") > MOST_GAPS:
        raise BadRuleError(Problem.MANY_GAPS)
    if len(words) > LONGEST:
        raise BadRuleError(Problem.LONG)
    if cause not in load().order:
        raise BadRuleError(Problem.NO_CAUSE)
    return OwnRule(words, cause)


def hidden_by(rule: OwnRule, earlier: Sequence[OwnRule]) -> OwnRule | None:
    """The first of the earlier ones that fits whatever `rule` fits, so that `rule` is never asked.

    It has to fit with the gaps empty, and as wide as they can be with no word beginning behind them.
    """
    narrow, wide = rule.words.replace("*", ""), rule.words.replace("*", _LETTER * GAP_MAX)
    return next((one for one in earlier if one.phrase.fits(narrow) and one.phrase.fits(wide)), None)


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
    words = str(entry.get("words", "")) if isinstance(entry, dict) else ""
    cause = str(entry.get("cause", "")) if isinstance(entry, dict) else ""
    try:
        return own_rule(words, cause)
    except BadRuleError as error:
        if error.problem is Problem.NO_CAUSE:
            said = f"names the cause {cause!r}, which does not exist or is no failure's; see docs/causes.md"
        else:
            said = f"needs words of {LEAST} to {LONGEST} characters, no * in front and at most {MOST_GAPS} within"
        raise BadRulesError(f"rule {number} {said}") from None
