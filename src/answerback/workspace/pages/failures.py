"""`/delivery/failures`: what failed and is open, by outage, cause and domain, with what can be done to each group."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from answerback.outbound import failures as open_failures
from answerback.reports import failures
from answerback.workspace.access import agent_required

SHOWN = 30  # groups of one kind


@agent_required
def page(request: HttpRequest) -> HttpResponse:
    found = failures.overview()
    context = {
        "section": "delivery",
        "total": found.total,
        "most": failures.MOST,
        "outages": found.outages[:SHOWN],
        "causes": found.by_cause[:SHOWN],
        "domains": found.by_domain[:SHOWN],
        "held": open_failures.held_groups()[:SHOWN],
    }
    is_part = request.headers.get("HX-Request")
    return render(request, "delivery/_failures.html" if is_part else "delivery/failures.html", context)
