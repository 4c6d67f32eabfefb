"""`/delivery`: how sending goes right now, and the switches for destinations."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from answerback.outbound import lanes
from answerback.reports import sending
from answerback.workspace.access import account_of, agent_required


@agent_required
def delivery(request: HttpRequest) -> HttpResponse:
    account = account_of(request)
    context = {
        "section": "delivery",
        "queue": sending.queue(),
        "lanes": sending.lane_standings(),
        "relay": _relay_name(),
        "may_switch": account.is_admin or account.supervisor,
    }
    return render(request, "delivery/page.html", context)


@agent_required
@require_POST
def switch(request: HttpRequest) -> HttpResponse:
    """Pause or resume a destination: supervisors and admins."""
    account = account_of(request)
    if not (account.is_admin or account.supervisor):
        raise PermissionDenied
    destination = request.POST.get("destination", "")[:255]
    if request.POST.get("act") == "pause":
        lanes.pause(destination, account)
    else:
        lanes.resume(destination)
    return redirect("/delivery")


def _relay_name() -> str:
    """Where mail goes, without the password."""
    if not settings.RELAY_URL:
        return _("none configured")
    if settings.RELAY_URL.partition(":")[0] == "mx":
        return _("directly to the recipients’ servers")
    return settings.RELAY_URL.rpartition("@")[2].partition("?")[0].removeprefix("smtp://").removeprefix("smtps://")
