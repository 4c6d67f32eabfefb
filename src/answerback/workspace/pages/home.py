"""The front door, and the parts of the frame that follow what changes."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from answerback.search import views
from answerback.workspace import frame
from answerback.workspace.access import account_of, agent_required

FIRST_VIEW = "my-open"


@agent_required
def home(request: HttpRequest) -> HttpResponse:
    """The first view: one's own unsolved tickets, else whatever stands first."""
    account = account_of(request)
    rows = views.visible_to(account)
    view = next((row for row in rows if row.key == FIRST_VIEW), next(iter(rows), None))
    return redirect(frame.url_of(view) if view else "/search")


@agent_required
def view_list(request: HttpRequest) -> HttpResponse:
    """The left column's lists, with fresh counts. `at`: the page they stand on."""
    at = request.GET.get("at", "")
    context = {"view_blocks": frame.view_blocks(account_of(request), at), "at": at}
    return render(request, "frame/_view_list.html", context)


@agent_required
def health(request: HttpRequest) -> HttpResponse:
    """The health dot, and with it the bar over the page."""
    return render(request, "frame/_health_and_notice.html", {"oob": True})
