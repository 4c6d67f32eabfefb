"""What may come next in the search field: keys while a word begins, then the key's values."""

from __future__ import annotations

import re
from collections.abc import Iterator

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext

from answerback.outbound import standing
from answerback.people import accounts
from answerback.people.models import Group, Organization, Person
from answerback.search.keys import KEYS, find_people
from answerback.search.query import BEST
from answerback.search.sorts import SORTS
from answerback.tickets.models import SupportAddress, Tag
from answerback.workspace import query_words, words
from answerback.workspace.access import agent_required
from mailroom.causes import catalogue

MOST = 8
_LAST = re.compile(r'(?P<not>-)?(?:(?P<key>[a-z_]{2,20})(?P<op>:|<=|>=|<|>))?(?P<begun>"[^"]*|[^\s"]*)$', re.I)


@agent_required
def suggest(request: HttpRequest) -> HttpResponse:
    """`q`: the search up to the cursor. Each suggestion is what the search becomes with it."""
    text = request.GET.get("q", "")[:1000]
    found = _LAST.search(text)
    assert found  # it may be empty, but the end is always there
    key, begun = (found["key"] or "").lower(), found["begun"].strip('"').lower()
    before = text[: found.start("begun")]
    pairs = _values(key, begun) if key else _keys(begun)
    suggestions = [{"text": before + _quoted(value), "shown": value, "meaning": meaning} for value, meaning in pairs]
    return render(request, "lists/_suggestions.html", {"suggestions": suggestions[:MOST]})


def _keys(begun: str) -> Iterator[tuple[str, str]]:
    if len(begun) < 1:
        return
    for key, meaning in query_words.MEANINGS.items():
        if key.startswith(begun):
            yield f"{key}:", gettext(meaning)


def _values(key: str, begun: str) -> Iterator[tuple[str, str]]:
    if key in ("order_by", "sort"):
        yield from ((value, "") for value in (*SORTS, BEST, "asc", "desc") if value.startswith(begun))
        return
    name = query_words.known_key(key)
    if not name:
        return
    yield from ((value, _meaning(name, value)) for value in KEYS[name].values if value.startswith(begun))
    for value, meaning in _known(name, begun):
        if begun in value.lower() or begun in meaning.lower():
            yield value, meaning


def _known(key: str, begun: str) -> Iterator[tuple[str, str]]:
    """Values that this desk has."""
    match key:
        case "tags":
            rows = Tag.objects.filter(name__startswith=begun).values_list("name", flat=True).distinct()
            yield from ((name, "") for name in rows.order_by("name")[:MOST])
        case "assignee":
            yield from ((agent.email, agent.person.name) for agent in accounts.agents())
        case "group":
            yield from ((group.name, "") for group in Group.objects.order_by("name"))
        case "organization":
            organizations = Organization.objects.filter(name__icontains=begun).order_by("name")
            yield from ((one.name, "") for one in organizations[:MOST])
        case "support_address":
            yield from ((one.address, one.name) for one in SupportAddress.objects.order_by("address"))
        case "cause":
            yield from ((cause, standing.cause_name(cause)) for cause in catalogue.load().causes)
        case "requester" | "cc" | "submitter" | "recipient" if len(begun) > 1:
            ids = find_people(begun + "*", MOST)
            for person in Person.objects.filter(pk__in=ids).prefetch_related("identities"):
                yield from ((identity.address, person.name) for identity in person.identities.all())


def _meaning(key: str, value: str) -> str:
    if key == "delivery":
        return gettext(query_words.DELIVERY[value])
    if key == "status":
        return words.status_name(value)
    return words.value_name(key, value) if key in ("priority", "type") and value != "none" else ""


def _quoted(value: str) -> str:
    return f'"{value}"' if " " in value else value
