"""The cause reference: why mail fails, in words, with an anchor for each cause and each code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.text import slugify
from django.utils.translation import get_language, gettext, gettext_noop

from answerback.workspace.access import agent_required
from mailroom.causes import catalogue
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


@agent_required
def causes(request: HttpRequest) -> HttpResponse:
    language = get_language() or "en"
    query = request.GET.get("q", "").strip()
    anchors: set[str] = set()
    groups = [
        {"key": group, "title": gettext(title), "causes": entries}
        for group, title in GROUP_TITLES.items()
        if (entries := [one for one in _entries(group, language, anchors) if _matches(one, query)])
    ]
    context = {"groups": groups, "query": query, "section": "delivery"}
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


def _matches(entry: CauseEntry, query: str) -> bool:
    """Every word of the query; a code also where the catalogue knows only its class-free form (X.1.1)."""
    return all(
        word in entry.searchable or (word[:2] in {"4.", "5."} and f"x{word[1:]}" in entry.searchable)
        for word in query.casefold().split()
    )
