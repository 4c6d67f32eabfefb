"""`/delivery`: how sending goes right now, and the switches for destinations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from answerback.core import db
from answerback.outbound import alarms, destinations, lanes, traffic, way_back, way_back_words
from answerback.outbound.models import Lane, LaneAlarm, Probe
from answerback.outbound.pace import UNITS, Rate
from answerback.people.models import Account
from answerback.reports import sending
from answerback.reports.sending import LaneStanding
from answerback.workspace import lane_words, relay_form
from answerback.workspace.access import account_of, agent_required, recorded_post, supervisor_required
from answerback.workspace.pages.sign_in import safe_next

NAME_LENGTH = 255
ALARMS_SHOWN = 20


@agent_required
def delivery(request: HttpRequest) -> HttpResponse:
    account = account_of(request)
    standings = sending.lane_standings()
    context = {
        "section": "delivery",
        "queue": sending.queue(),
        "lanes": standings,
        "relay": relay_form.relay_name(),
        "may_switch": account.is_admin or account.supervisor,
    }
    context |= way_back_context() | _alarms(alarms.told(), standings)
    return render(request, "delivery/page.html", context)


@agent_required
def destination(request: HttpRequest, destination: str) -> HttpResponse:
    """What is known of one destination, and how fast it may be sent to."""
    account = account_of(request)
    context = _destination(db.storable(destination, NAME_LENGTH), account)
    return render(request, "delivery/destination.html", context)


@supervisor_required
@recorded_post
@require_POST
def switch(request: HttpRequest) -> HttpResponse:
    """Pause, resume, limit a destination, or try what waits there now: supervisors and admins."""
    account = account_of(request)
    destination = db.storable(request.POST.get("destination", ""), NAME_LENGTH)
    if not destination:
        raise Http404
    match request.POST.get("act"):
        case "pause":
            lanes.pause(destination, account)
        case "resume":
            lanes.resume(destination)
        case "retry":
            count = lanes.retry_now(destination)
            words = ngettext("%d mail is tried now.", "%d mails are tried now.", count) % count
            messages.success(request, words if count else _("Nothing waits there for a later attempt."))
        case "limit":
            typed = _typed_rate(request)
            try:
                lanes.limit(destination, typed, account)
            except ValueError:
                problem = _("Say a whole number from 1 to 1,000,000.")
                context = _destination(destination, account) | {"problem": problem, "form": request.POST}
                return render(request, "delivery/destination.html", context, status=422)
            messages.success(request, _("Saved. It holds from now on."))
            return redirect(lane_words.address(destination))
    return redirect(safe_next(request, "/delivery"))


def _destination(name: str, account: Account) -> dict[str, Any]:
    standing = sending.lane_standing(name)
    past = list(alarms.history(name)[:ALARMS_SHOWN])
    own = standing.lane.rate if standing.lane else ""
    return {
        "section": "delivery",
        "one": standing,
        "may_switch": account.is_admin or account.supervisor,
        "form": _form_of(own),
        "usual": lanes.rate_of(name, None),
        "units": list(UNITS),
        "past_alarms": [alarm for alarm in past if alarm.ended_at],
    } | _alarms([alarm for alarm in past if not alarm.ended_at], [standing])


def _alarms(found: Sequence[LaneAlarm], standings: Sequence[LaneStanding]) -> dict[str, Any]:
    """Alarms, and what may be behind them."""
    return {
        "alarms": found,
        "held_back": {one.destination for one in standings if one.is_held_back},
        "workers_seen": traffic.last_noted() is not None,
    }


def _form_of(rate: str) -> dict[str, object]:
    """What stands in the form before anybody types."""
    if rate in ("", Lane.UNLIMITED):
        return {"choice": rate, "messages": "", "unit": "minute"}
    limit = Rate.read(rate)
    return {"choice": "limited", "messages": limit.messages, "unit": limit.unit}


def _typed_rate(request: HttpRequest) -> str:
    """As `lanes.limit` wants it."""
    choice = request.POST.get("choice", "")
    if choice == "limited":
        return f"{request.POST.get('messages', '')}/{request.POST.get('unit', '')}"
    return Lane.UNLIMITED if choice == Lane.UNLIMITED else ""


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


def way_back_context() -> dict[str, Any]:
    """How the way back stands, here and in the first steps."""
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
