"""The query language in words: what was not understood, what one can search for, what comes next while typing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext, gettext_noop

from answerback.search import query
from answerback.search.keys import ALIASES, KEYS
from answerback.search.query import Problem

PROBLEMS = {
    "unknown_key": gettext_noop("“%s:” is not something one can search by."),
    "unknown_order": gettext_noop("One cannot sort by “%s”."),
    "bad_moment": gettext_noop("“%s” is not a date; write it like 2026-11-23, 2026-11-23T14:00 or 4hours."),
    "bad_value": gettext_noop("“%s” is not a value of this key."),
    "no_comparison": gettext_noop("“%s” has no smaller and greater; use a colon."),
    "too_many": gettext_noop("The search is too long: it was read up to “%s”."),
    "too_long": gettext_noop("The search is too long: it was read up to “%s”."),
}
MEANINGS = {
    "status": gettext_noop("status, also with < and >"),
    "priority": gettext_noop("priority, also with < and >"),
    "type": gettext_noop("type of the ticket"),
    "tags": gettext_noop("tickets that carry a tag"),
    "requester": gettext_noop("requester: a name, an address or “me”"),
    "assignee": gettext_noop("assignee: a name, “me” or “none”"),
    "submitter": gettext_noop("who typed the ticket"),
    "cc": gettext_noop("who is copied in"),
    "group": gettext_noop("group"),
    "organization": gettext_noop("organisation of the requester"),
    "subject": gettext_noop("words of the subject"),
    "comment": gettext_noop("words of comments"),
    "created": gettext_noop("when it was created: a date, a time, or how long ago"),
    "updated": gettext_noop("when it changed last"),
    "solved": gettext_noop("when it was solved"),
    "failed": gettext_noop("since when a failure is open"),
    "delivery": gettext_noop("how its mail stands"),
    "cause": gettext_noop("cause of a failure"),
    "code": gettext_noop("error code"),
    "recipient": gettext_noop("recipient of our mail: an address or @domain"),
    "trigger": gettext_noop("trigger that wrote a mail"),
    "via": gettext_noop("how it began"),
    "has": gettext_noop("with an attachment"),
    "language": gettext_noop("language of the requester"),
    "support_address": gettext_noop("address the customer wrote to"),
    "id": gettext_noop("number of the ticket"),
    "order_by": gettext_noop("order of the list"),
}
DELIVERY = {
    "open": gettext_noop("a failure that nobody has put right"),
    "failed": gettext_noop("a failure at any time"),
    "trying": gettext_noop("still being tried"),
    "automatic": gettext_noop("automatic mail was not delivered"),
    "answer": gettext_noop("an agent's answer was not delivered"),
    "mine": gettext_noop("an answer of yours was not delivered"),
    "held": gettext_noop("held back"),
    "complaint": gettext_noop("a receiver reported it as spam"),
}
ORDERS = {
    "id": gettext_noop("Newest first"),
    query.BEST: gettext_noop("Best match first"),
    "updated": gettext_noop("Last updated first"),
}
EXAMPLES: Sequence[tuple[str, str]] = (
    ("delivery:open", gettext_noop("tickets with a failure that nobody has put right")),
    ("cause:mailbox_full recipient:@example.org", gettext_noop("by cause and by domain")),
    ("code:5.1.1 created>1week", gettext_noop("by code, of the last week")),
    ("status<solved priority:high", gettext_noop("status and priority, also with < and >")),
    ("assignee:me -status:pending", gettext_noop("without what is pending")),
    ("status:new status:open", gettext_noop("several values of one key: any of them")),
    ('"new bicycle" rech*', gettext_noop("words side by side; the beginning of a word")),
    ("created>2026-11-01 order_by:created sort:asc", gettext_noop("by date, in another order")),
)


@dataclass(frozen=True)
class ShownProblem:
    """`before`, `marked` and `after` are the query with the place that was not understood."""

    text: str
    before: str
    marked: str
    after: str
    better: str  # the query with the suggestion in place, "" where there is none


@dataclass(frozen=True)
class KeyHelp:
    key: str
    meaning: str
    values: Sequence[str]
    url: str


@dataclass(frozen=True)
class Order:
    title: str
    url: str
    current: bool


def problem(one: Problem, text: str) -> ShownProblem:
    end = one.at + len(one.text)
    whole = text[one.at : end].lower() == one.text.lower()
    better = text[: one.at] + one.suggestion + text[end:] if one.suggestion and whole else ""
    marked = text[one.at : end] if whole else text[one.at : one.at + 1]
    rest = text[one.at + len(marked) :]
    return ShownProblem(gettext(PROBLEMS[one.kind]) % one.text, text[: one.at], marked, rest, better)


def help_sheet() -> list[KeyHelp]:
    return [
        KeyHelp(key, gettext(MEANINGS[key]), row.values, f"/search?q={key}:{row.values[0]}" if row.values else "")
        for key, row in KEYS.items()
    ]


def examples() -> list[tuple[str, str]]:
    return [(text, gettext(meaning)) for text, meaning in EXAMPLES]


def orders(current: str, with_words: bool, url: Callable[[str], str]) -> list[Order]:
    """The orders one may choose; the best match only where there are words to match."""
    shown = {sort: title for sort, title in ORDERS.items() if with_words or sort != query.BEST}
    return [Order(gettext(title), url(sort), sort == current) for sort, title in shown.items()]


def known_key(name: str) -> str:
    """The key of that name or alias, "" where there is none."""
    name = ALIASES.get(name, name)
    return name if name in KEYS else ""
