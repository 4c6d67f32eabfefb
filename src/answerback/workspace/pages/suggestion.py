"""The hint below a field for an address: loaded after the page, because it asks DNS."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from answerback.workspace import suggestions
from answerback.workspace.access import agent_required


@agent_required
def suggestion(request: HttpRequest) -> HttpResponse:
    """`address` as typed; `field`: the id of the field that the suggestion would fill."""
    hint = suggestions.for_address(request.GET.get("address", ""))
    return render(request, "forms/_suggestion.html", {"hint": hint, "field": request.GET.get("field", "")})
