"""The cause reference: why mail fails, in words, with an anchor for each cause and each code.

Below the causes stand all codes one may meet, each with what it means and its cause, and the status ids of the API, so
that nobody has to look a code up elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.text import slugify
from django.utils.translation import get_language, gettext, gettext_noop

from answerback.workspace.access import agent_required
from mailroom.causes import catalogue, zendesk
from mailroom.causes.catalogue import Cause

GROUP_TITLES = {
    "agent": gettext_noop("You can mend it"),
    "customer": gettext_noop("The customer, or the customer's IT, can mend it"),
    "admin": gettext_noop("Your administrator can mend it"),
    "retry": gettext_noop("It usually passes by itself"),
    "quiet": gettext_noop("No failure"),
}
WHO = {
    "agent": gettext_noop("Who can mend it: you"),
    "customer": gettext_noop("Who can mend it: the customer or the customer's IT"),
    "admin": gettext_noop("Who can mend it: your administrator"),
    "nobody": gettext_noop("Nobody has to do anything yet"),
}
HARDNESS = {
    "hard": gettext_noop("Permanent: the address must change"),
    "soft": gettext_noop("Temporary: the same mail may work later"),
    "ours": gettext_noop("The address is fine, this mail was not taken"),
}


@dataclass(frozen=True)
class Code:
    """A code beside its cause. `anchor` is empty where another cause has it already: ids are unique."""

    text: str
    vendor: str
    meaning: str
    anchor: str


@dataclass(frozen=True)
class CauseEntry:
    """A cause as the page shows it, in the reader's language."""

    key: str
    name: str
    sentence: str
    explanation: str
    who: str
    hardness: str
    quiet: bool
    codes: Sequence[Code]
    searchable: str


@dataclass(frozen=True)
class CodeRow:
    """A code of servers, for all who have nothing but that. `said_to` is the command that it answers, "" for any."""

    text: str
    said_to: str
    vendor: str
    meaning: str
    cause: str
    cause_name: str

    @property
    def searchable(self) -> str:
        return f"{self.text} {self.vendor} {self.meaning} {self.cause} {self.cause_name}".casefold()


@dataclass(frozen=True)
class StatusRow:
    """A delivery status of the API."""

    id: int
    name: str
    code: str
    message: str

    @property
    def searchable(self) -> str:
        return f"{self.id} {self.name} {self.code} {self.message}".casefold()


@agent_required
def causes(request: HttpRequest) -> HttpResponse:
    language = get_language() or "en"
    query = request.GET.get("q", "").strip()
    anchors: set[str] = set()
    groups = [
        {"key": group, "title": gettext(title), "causes": entries}
        for group, title in GROUP_TITLES.items()
        if (entries := [one for one in _entries(group, language, anchors) if _matches(one.searchable, query)])
    ]
    context = {
        "groups": groups,
        "codes": [row for row in _code_rows(language) if _matches(row.searchable, query)],
        "statuses": [row for row in _status_rows(language) if _matches(row.searchable, query)],
        "query": query,
        "section": "delivery",
    }
    return render(request, "causes/page.html", context)


def _entries(group: str, language: str, anchors: set[str]) -> list[CauseEntry]:
    found = catalogue.load()
    return [_entry(cause, language, anchors) for cause in found.causes.values() if cause.group == group]


def _entry(cause: Cause, language: str, anchors: set[str]) -> CauseEntry:
    words = cause.text(language)
    codes = _codes(cause, language, anchors)
    searchable = " ".join(
        [cause.key, words.name, words.sentence, words.explanation]
        + [f"{code.text} {code.vendor} {code.meaning}" for code in codes]
    )
    return CauseEntry(
        key=cause.key,
        name=words.name,
        sentence=words.sentence,
        explanation=words.explanation,
        who=gettext(WHO[cause.who]),
        hardness=gettext(HARDNESS[cause.hardness]),
        quiet=cause.group == "quiet",
        codes=codes,
        searchable=searchable.casefold(),
    )


def _codes(cause: Cause, language: str, anchors: set[str]) -> list[Code]:
    """The typical codes first, then those of the registry and of vendors that mean this cause."""
    known = [code for code in catalogue.load().status_codes if code.cause == cause.key]
    named = {code.code for code in known}
    typical = [Code(text, "", "", _anchor(text, anchors)) for text in cause.codes if text not in named]
    return typical + [
        Code(
            code.code,
            code.vendor,
            code.meaning.get(language, code.name),
            _anchor(f"{code.code}-{slugify(code.vendor)}".rstrip("-"), anchors),
        )
        for code in known
    ]


def _anchor(text: str, anchors: set[str]) -> str:
    if text in anchors:
        return ""
    anchors.add(text)
    return text


def _code_rows(language: str) -> list[CodeRow]:
    """Reply codes first, then enhanced codes in the order of the registry, each with those of vendors."""
    found = catalogue.load()
    names = {cause.key: cause.text(language).name for cause in found.causes.values()}
    replies = [
        CodeRow(
            text=str(reply.code),
            said_to=reply.stage.upper() if reply.stage else "",
            vendor="",
            meaning=found.cause(reply.cause).text(language).sentence,
            cause=reply.cause,
            cause_name=names[reply.cause],
        )
        for reply in sorted(found.reply_codes, key=lambda reply: (reply.code, reply.stage or ""))
    ]
    statuses = sorted(found.status_codes, key=lambda code: _in_order(code.code))
    return replies + [
        CodeRow(code.code, "", code.vendor, code.meaning.get(language, code.name), code.cause, names[code.cause])
        for code in statuses
    ]


def _in_order(code: str) -> tuple[int, int, str]:
    """X.1.10 and 5.1.10 after X.1.9: by subject and detail, then by class."""
    class_, subject, detail = code.split(".")
    return int(subject), int(detail.partition("-")[0]), class_


def _status_rows(language: str) -> list[StatusRow]:
    return [StatusRow(row.id, row.name, row.code, row.text(language)) for row in zendesk.statuses().values()]


def _matches(searchable: str, query: str) -> bool:
    """Every word of the query; a code also where the catalogue knows only its class-free form (X.1.1)."""
    return all(
        word in searchable or (word[:2] in {"4.", "5."} and f"x{word[1:]}" in searchable)
        for word in query.casefold().split()
    )
