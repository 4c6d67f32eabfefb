"""What machines ask about the process."""

from __future__ import annotations

import pytest
from django.test import Client
from tests.world import World

from answerback.core import clock
from answerback.outbound import lanes, way_back
from answerback.outbound.models import Probe


def test_alive(client: Client) -> None:
    assert client.get("/healthz").status_code == 200


def test_ready(client: Client, world: World, settings) -> None:
    settings.RELAY_URL = "smtp://relay.acme.test"
    answer = client.get("/readyz")
    assert answer.status_code == 200, answer.json()


def test_missing_relay_is_said(client: Client, world: World, settings) -> None:
    settings.RELAY_URL = ""
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "ANSWERBACK_RELAY_URL" in answer.json()["checks"]["relay"]["hint"]


def test_relay_in_trouble_is_said(client: Client, world: World, settings) -> None:
    settings.RELAY_URL = "smtp://relay.acme.test"
    lanes.begin_trouble("relay.acme.test", "535 5.7.8 bad password", "login_refused", clock.now())
    assert client.get("/readyz").json()["checks"]["relay"]["ready"] is False


def test_late_queue_is_said(client: Client, world: World, settings) -> None:
    settings.RELAY_URL = "smtp://relay.acme.test"
    world.answer(world.ticket())
    world.delivery_to(world.clara).__class__.objects.update(next_attempt_at=clock.now().replace(year=2020))
    assert client.get("/readyz").json()["checks"]["queue"]["ready"] is False


@pytest.mark.parametrize("peer, header, status", [
    ("127.0.0.1", "", 200),
    ("203.0.113.9", "", 403),
    ("203.0.113.9", "Bearer wrong", 403),
    ("203.0.113.9", "Bearer secret", 200),
])  # fmt: skip
def test_metrics_are_not_for_everybody(
    client: Client, world: World, settings, peer: str, header: str, status: int
) -> None:
    settings.METRICS_TOKEN = "secret"
    answer = client.get("/metrics", REMOTE_ADDR=peer, headers={"Authorization": header})
    assert answer.status_code == status
    if status == 200:
        assert b'answerback_deliveries{state="due"}' in answer.content


def test_metrics_and_readiness_of_the_way_back(client: Client, world: World, settings) -> None:
    settings.RELAY_URL, settings.PROBE_ADDRESS = "smtp://relay.acme.test", "nobody@elsewhere.test"
    name = "answerback_failure_reports_reach_us "
    assert name not in client.get("/metrics").content.decode()
    probe = way_back.start()
    for result, said in ((Probe.Result.REFUSED, ""), (Probe.Result.MISSING, "0.0"), (Probe.Result.RETURNED, "1.0")):
        Probe.objects.filter(pk=probe.pk).update(result=result, concluded_at=clock.now())
        lines = [line for line in client.get("/metrics").content.decode().splitlines() if line.startswith(name)]
        assert lines == ([name + said] if said else [])
        assert client.get("/readyz").status_code == 200  # mail goes through: nobody is to be sent elsewhere
