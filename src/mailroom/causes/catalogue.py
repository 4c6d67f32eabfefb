"""The catalogue of causes: why mail fails, who can mend it, and what the agent reads about it.

The knowledge is data that a postmaster can review: `catalogue/<group>.toml` for the causes with their wordings,
`order.toml` for which cause wins, `codes.toml` for enhanced status codes and bare reply codes. This module reads and
types it; `mailroom.causes.classify` uses it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

from mailroom.report import Stage

LANGUAGES = ("en", "de")
GROUPS = ("agent", "customer", "admin", "retry", "quiet")
UNKNOWN = "unknown"

_FOLDER = Path(__file__).with_name("catalogue")


class Hardness(StrEnum):
    """What a cause says about the address."""

    HARD = "hard"  # stop using the address, or change something about it
    SOFT = "soft"  # the same mail may work later
    OURS = "ours"  # the address is fine, this mail was not taken


class Who(StrEnum):
    """Who can mend it."""

    AGENT = "agent"
    CUSTOMER = "customer"  # or the customer's IT
    ADMIN = "admin"
    NOBODY = "nobody"  # it passes by itself, or nothing is wrong


class Fix(StrEnum):
    """The buttons of the failure card."""

    CORRECT_ADDRESS = "correct_address"
    ADD_ADDRESS = "add_address"
    USE_OTHER_IDENTITY = "use_other_identity"
    RESEND = "resend"
    REPLY_AGAIN = "reply_again"
    SEND_AS_LINKS = "send_as_links"
    MARK_DELIVERABLE = "mark_deliverable"
    MARK_HANDLED = "mark_handled"
    RETRY_NOW = "retry_now"
    STOP = "stop"
    CALL = "call"
    TELL_ADMIN = "tell_admin"


@dataclass(frozen=True, slots=True)
class Words:
    """What an agent reads, in one language.

    `name` fits into "Not delivered to Anna Berg: mailbox full. 552 5.2.2", `sentence` stands alone,
    `explanation` goes on the card and says what to do.
    """

    name: str
    sentence: str
    explanation: str


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason for which mail fails, or one kind of report that is no failure."""

    key: str
    group: str
    hardness: Hardness
    who: Who
    fixes: tuple[Fix, ...]  # the most useful first
    codes: tuple[str, ...]  # typical ones, to show; they decide nothing
    zendesk_status_id: int
    words: Mapping[str, Words]  # by language
    wording: tuple[str, ...]  # see mailroom.causes.classify for these three
    phrases: tuple[str, ...]
    weak: tuple[str, ...]

    @property
    def name(self) -> Mapping[str, str]:
        return {language: words.name for language, words in self.words.items()}

    @property
    def sentence(self) -> Mapping[str, str]:
        return {language: words.sentence for language, words in self.words.items()}

    @property
    def explanation(self) -> Mapping[str, str]:
        return {language: words.explanation for language, words in self.words.items()}

    def text(self, language: str) -> Words:
        """The words in `language` ("de", "de-AT"), in English where there are none."""
        return self.words.get(language.partition("-")[0].lower(), self.words["en"])


@dataclass(frozen=True, slots=True)
class StatusCode:
    """One enhanced status code, as registered or as a vendor uses it.

    `code` is "X.1.1" (any class), "4.7.1" (this class only) or "5.7.606-649" (a range of details).
    A vague one says so little that any word in the text counts more.
    """

    code: str
    name: str
    cause: str
    vague: bool
    vendor: str  # "" for registered codes
    only_vendor: bool  # the code means something else elsewhere: believe it only of this vendor
    meaning: Mapping[str, str]  # by language


@dataclass(frozen=True, slots=True)
class ReplyCode:
    """What a bare reply code means, at one stage of the dialogue or (None) at any.

    A specific one is hardly used for anything else; 550 and its like are not.
    """

    code: int
    stage: Stage | None
    cause: str
    specific: bool


@dataclass(frozen=True, slots=True)
class Catalogue:
    causes: Mapping[str, Cause]
    order: tuple[str, ...]  # keys of the causes that text can name, the winner first
    wrappers: tuple[str, ...]  # sentences that say nothing of the cause
    status_codes: tuple[StatusCode, ...]
    reply_codes: tuple[ReplyCode, ...]
    vendor_hosts: Mapping[str, tuple[str, ...]]  # vendor -> parts of its host names

    def cause(self, key: str) -> Cause:
        """The entry for `key`, the one for "unknown" where there is none (a cause from a newer version)."""
        return self.causes.get(key, self.causes[UNKNOWN])


@lru_cache(maxsize=1)
def load() -> Catalogue:
    """The catalogue, read once."""
    codes, order = _read("codes"), _read("order")
    return Catalogue(
        causes={key: _cause(key, group, entry) for group in GROUPS for key, entry in _read(group).items()},
        order=tuple(order["causes"]),
        wrappers=tuple(order["wrappers"]),
        status_codes=tuple(map(_status_code, codes["status"])),
        reply_codes=tuple(reply for entry in codes["reply"] for reply in _reply_codes(entry)),
        vendor_hosts={vendor: tuple(parts) for vendor, parts in codes["vendor_hosts"].items()},
    )


def _read(name: str) -> dict[str, Any]:
    with (_FOLDER / f"{name}.toml").open("rb") as file:
        return tomllib.load(file)


def _cause(key: str, group: str, entry: dict[str, Any]) -> Cause:
    return Cause(
        key=key,
        group=group,
        hardness=Hardness(entry["hardness"]),
        who=Who(entry["who"]),
        fixes=tuple(map(Fix, entry["fixes"])),
        codes=tuple(entry["codes"]),
        zendesk_status_id=entry["zendesk"],
        words={language: Words(**entry[language]) for language in LANGUAGES},
        wording=tuple(entry.get("wording", ())),
        phrases=tuple(entry.get("phrases", ())),
        weak=tuple(entry.get("weak", ())),
    )


def _status_code(entry: dict[str, Any]) -> StatusCode:
    return StatusCode(
        code=entry["code"],
        name=entry.get("name", ""),
        cause=entry["cause"],
        vague=entry.get("vague", False),
        vendor=entry.get("vendor", ""),
        only_vendor=entry.get("only_vendor", False),
        meaning={language: entry[language] for language in LANGUAGES},
    )


def _reply_codes(entry: dict[str, Any]) -> list[ReplyCode]:
    stages: list[Stage | None] = [Stage(name) for name in entry.get("stages", ())]
    specific = entry.get("specific", False)
    return [ReplyCode(code, stage, entry["cause"], specific) for code in entry["codes"] for stage in stages or [None]]
