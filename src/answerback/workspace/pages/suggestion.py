"""Hints about addresses: loaded after the page, because they ask DNS, or while somebody types."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from answerback.people import identities
from answerback.workspace import suggestions
from answerback.workspace.access import agent_required

KNOWN_SHOWN = 8
KNOWN_FROM = 2  # characters


@agent_required
def suggestion(request: HttpRequest) -> HttpResponse:
    """`address` as typed; `field`: the id of the field that the suggestion would fill."""
    hint = suggestions.for_address(request.GET.get("address", ""))
    return render(request, "forms/_suggestion.html", {"hint": hint, "field": request.GET.get("field", "")})


@agent_required
def warning(request: HttpRequest) -> HttpResponse:
    """What is wrong with an address that nobody has written to yet; empty where nothing is."""
    address = request.GET.get("address") or request.GET.get("requester") or ""
    return render(
        request, "forms/_address_warning.html", {"address": address, "hint": suggestions.for_address(address)}
    )


@agent_required
def known(request: HttpRequest) -> HttpResponse:
    """Addresses and names that begin with what is typed (`add`), as options."""
    typed = (request.GET.get("add") or request.GET.get("requester") or "").strip()
    found = identities.beginning_with(typed, KNOWN_SHOWN) if len(typed) >= KNOWN_FROM else []
    return render(request, "forms/_known_addresses.html", {"found": found})
