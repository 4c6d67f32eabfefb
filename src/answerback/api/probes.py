"""What machines ask: `/healthz` (the process lives), `/readyz` (mail would go through), `/metrics` (Prometheus)."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from datetime import datetime

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from answerback.core import clock
from answerback.outbound import alarms, way_back
from answerback.reports import readiness, sending
from answerback.reports.sending import LaneStanding


def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok\n", content_type="text/plain")


def readyz(request: HttpRequest) -> HttpResponse:
    """200 where everything is there, else 503 that names what is not."""
    found = readiness.look()
    ready = all(check.ready for check in found)
    shown = {check.id: {"ready": check.ready, "state": check.state, "hint": check.hint} for check in found}
    return JsonResponse({"ready": ready, "checks": shown}, status=200 if ready else 503)


def metrics(request: HttpRequest) -> HttpResponse:
    """From this machine, or with `Authorization: Bearer` and the token of METRICS_TOKEN."""
    if not _may_read(request):
        return HttpResponse("not for you\n", status=403, content_type="text/plain")
    return HttpResponse(generate_latest(_measure()), content_type=CONTENT_TYPE_LATEST)


def _may_read(request: HttpRequest) -> bool:
    token = settings.METRICS_TOKEN
    if token and request.headers.get("Authorization") == f"Bearer {token}":
        return True
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


def _seconds_since(moment: datetime | None) -> float:
    return max(0.0, (clock.now() - moment).total_seconds()) if moment else 0.0


_LANE_GAUGES: Sequence[tuple[str, str, Callable[[LaneStanding], float]]] = (
    ("answerback_lane_waiting", "Deliveries waiting for a destination", lambda lane: lane.waiting),
    (
        "answerback_lane_oldest_due_seconds",
        "How long the oldest due delivery to a destination waits",
        lambda lane: _seconds_since(lane.oldest_due),
    ),
    (
        "answerback_lane_sessions",
        "SMTP sessions with a destination, of all workers",
        lambda lane: lane.use.sessions if lane.use else 0,
    ),
    (
        "answerback_lane_sessions_allowed",
        "SMTP sessions that a destination may have now, of all workers",
        lambda lane: lane.use.sessions_allowed if lane.use else 0,
    ),
    (
        "answerback_lane_rate_per_second",
        "Messages that a destination may be sent in a second; 0: not limited",
        lambda lane: lane.rate.per_second if lane.rate else 0,
    ),
    (
        "answerback_lane_paused",
        "Whether a person has paused a destination",
        lambda lane: lane.state == "paused",
    ),
    (
        "answerback_lane_trouble_seconds",
        "Since when a destination refuses us by a fault of ours",
        lambda lane: _seconds_since(lane.lane.trouble_since if lane.lane else None),
    ),
)


def _measure() -> CollectorRegistry:
    registry = CollectorRegistry()
    queue = sending.queue()
    deliveries = Gauge("answerback_deliveries", "Deliveries that are not settled", ["state"], registry=registry)
    for state in ("due", "later", "sending", "held"):
        deliveries.labels(state).set(getattr(queue, state))
    Gauge("answerback_oldest_due_seconds", "How long the oldest due delivery waits", registry=registry).set(
        _seconds_since(queue.oldest_due)
    )
    standings = sending.lane_standings()
    for name, words, value in _LANE_GAUGES:
        gauge = Gauge(name, words, ["destination"], registry=registry)
        for lane in standings:
            gauge.labels(lane.destination).set(value(lane))
    name, words = "answerback_lane_alarm", "Whether a destination does worse than usual"
    alarm = Gauge(name, words, ["destination", "kind"], registry=registry)
    for one in alarms.told():
        alarm.labels(one.destination, one.kind).set(1)
    if (proven := way_back.reports_reach_us()) is not None:
        name, words = "answerback_failure_reports_reach_us", "Whether the last probe of the way back was reported"
        Gauge(name, words, registry=registry).set(proven)
    return registry
