"""What machines ask: `/healthz` (the process lives), `/readyz` (mail would go through), `/metrics` (Prometheus)."""

from __future__ import annotations

import ipaddress

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from answerback.core import clock
from answerback.outbound import way_back
from answerback.reports import readiness, sending


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


def _measure() -> CollectorRegistry:
    registry = CollectorRegistry()
    queue = sending.queue()
    deliveries = Gauge("answerback_deliveries", "Deliveries that are not settled", ["state"], registry=registry)
    for state in ("due", "later", "sending", "held"):
        deliveries.labels(state).set(getattr(queue, state))
    late = (clock.now() - queue.oldest_due).total_seconds() if queue.oldest_due else 0
    Gauge("answerback_oldest_due_seconds", "How long the oldest due delivery waits", registry=registry).set(late)
    waiting = Gauge(
        "answerback_lane_waiting", "Deliveries waiting for a destination", ["destination"], registry=registry
    )
    for lane in sending.lane_standings():
        waiting.labels(lane.destination).set(lane.waiting)
    if (proven := way_back.reports_reach_us()) is not None:
        name, words = "answerback_failure_reports_reach_us", "Whether the last probe of the way back was reported"
        Gauge(name, words, registry=registry).set(proven)
    return registry
