"""`/delivery`: how sending goes right now, and the switches for destinations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from answerback.outbound import destinations, lanes, way_back, way_back_words
from answerback.outbound.models import Probe
from answerback.reports import sending
from answerback.workspace import relay_form
from answerback.workspace.access import account_of, agent_required


@agent_required
def delivery(request: HttpRequest) -> HttpResponse:
    account = account_of(request)
    context = {
        "section": "delivery",
        "queue": sending.queue(),
        "lanes": sending.lane_standings(),
        "relay": relay_form.relay_name(),
        "may_switch": account.is_admin or account.supervisor,
    }
    context |= _way_back()
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


@agent_required
@require_POST
def probe(request: HttpRequest) -> HttpResponse:
    """Send a probe of the way back now: supervisors and admins."""
    account = account_of(request)
    if not (account.is_admin or account.supervisor):
        raise PermissionDenied
    try:
        if way_back.start(by=account):
            messages.success(request, _("A probe is on its way. This page tells when its report is back."))
        else:
            messages.info(request, _("A probe is on its way already."))
    except way_back.NoRouteError:
        messages.error(request, _("No relay is configured, so nothing can be sent."))
    except way_back.NoAddressError:
        messages.error(request, way_back_words.advice_without_probe())
    return redirect("/delivery#way-back")


@dataclass(frozen=True)
class WayStanding:
    """The last probe of a way, in words."""

    way: str
    name: str
    probe: Probe
    words: str
    tone: str  # good, bad, wait
    advice: str
    in_use: bool


def _way_back() -> dict[str, Any]:
    blind, today = way_back.blind(), destinations.way()
    ways = [_standing(one, one.way == today, one.way in blind) for one in way_back.newest()]
    current = next((one for one in ways if one.in_use), None)
    return {
        "ways": ways,
        "reports_go_to": way_back.reports_go_to(),
        "probing": bool(current and current.probe.result == Probe.Result.WAITING),
        "probes_go": bool(today and way_back.address_pattern()),
        "no_probe": current is None,
        "no_probe_advice": way_back_words.advice_without_probe(),
    }


def _standing(probe: Probe, in_use: bool, blind: bool) -> WayStanding:
    good = probe.result == Probe.Result.RETURNED
    return WayStanding(
        way=probe.way,
        name=_("directly to the recipients’ servers") if probe.way == destinations.MX_WAY else probe.way,
        probe=probe,
        words=way_back_words.words_of(probe),
        tone="good" if good else "bad" if blind else "wait",
        advice=way_back_words.advice(probe),
        in_use=in_use,
    )
