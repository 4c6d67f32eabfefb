"""`/delivery` and the page of a destination: what happens there, and the switches."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote

import pytest
from click.testing import CliRunner
from django.test import Client
from tests.world import World

from answerback.cli import queue
from answerback.core import clock
from answerback.outbound import lanes, traffic
from answerback.outbound.models import Delivery, Lane
from answerback.outbound.traffic import Refusal, Use
from answerback.reports import sending
from mailroom.report import Action, DeliveryReport, Scope, Stage

RELAY = "relay.acme.test:25"
PAGE = f"/delivery/destinations/{RELAY}"
SWITCH = "/delivery/switch"
TOO_FAST = DeliveryReport(
    "",
    Action.FAILED,
    reply_code=421,
    diagnostic="421 4.7.0 Too fast\x00, <b>slow</b> down",
    scope=Scope.SESSION,
    stage=Stage.MAIL,
)


@pytest.fixture(autouse=True)
def relay(settings: object) -> None:
    settings.RELAY_URL = "smtp://relay.acme.test"  # type: ignore[attr-defined]


@pytest.fixture
def waiting(world: World) -> Delivery:
    world.answer(world.ticket())
    delivery = world.delivery_to(world.clara)
    Delivery.objects.filter(pk=delivery.pk).update(next_attempt_at=clock.now() + timedelta(hours=1))
    return delivery


def note(sessions: int = 3, silent: bool = False) -> None:
    traffic.note("one", {RELAY: Use(sessions, 10, silent)}, {RELAY: Refusal(TOO_FAST, clock.now())})


def test_connections_of_all_workers_and_the_last_error(ada: Client, waiting: Delivery) -> None:
    note()
    traffic.note("two", {RELAY: Use(4, 10, False)}, {})
    for page in ("/delivery", PAGE):
        shown = ada.get(page).text
        assert "7 of 20" in shown
        assert "Too fast, &lt;b&gt;slow" in shown
    traffic.note("two", {}, {})
    assert "3 of 10" in ada.get(PAGE).text


def test_who_tells_nothing_for_a_minute_is_gone(ada: Client, waiting: Delivery) -> None:
    note()
    traffic.Traffic.objects.update(noted_at=clock.now() - timedelta(minutes=2))
    assert "3 of 10" not in ada.get(PAGE).text
    assert traffic.last_noted() is None


def test_a_silent_destination_is_told(ada: Client, waiting: Delivery) -> None:
    note(silent=True)
    assert "Does not answer" in ada.get("/delivery").text


def test_retry_now(bruno: Client, waiting: Delivery) -> None:
    page = bruno.post(SWITCH, {"destination": RELAY, "act": "retry", "next": PAGE}, follow=True)
    assert page.redirect_chain[-1][0] == PAGE
    assert "1 E-Mail wird jetzt versucht." in page.text
    waiting.refresh_from_db()
    assert waiting.next_attempt_at is not None
    assert waiting.next_attempt_at <= clock.now()
    assert (
        "späteren Versuch wartet dort nichts"
        in bruno.post(SWITCH, {"destination": RELAY, "act": "retry"}, follow=True).text
    )


def test_a_limit_of_its_own(bruno: Client, settings: object) -> None:
    settings.RELAY_RATE = "30/minute"  # type: ignore[attr-defined]
    assert "Wie in den Einstellungen: 30 pro Minute" in bruno.get(PAGE).text
    form = {"destination": RELAY, "act": "limit", "choice": "limited", "messages": "100", "unit": "hour"}
    page = bruno.post(SWITCH, form, follow=True)
    assert page.redirect_chain[-1][0] == PAGE
    assert 'value="100"' in page.text
    lane = Lane.objects.get(destination=RELAY)
    assert (lane.rate, lane.rate_by.email if lane.rate_by else "") == ("100/hour", "bruno@acme.test")
    assert "100 pro Stunde" in bruno.get("/delivery").text
    bruno.post(SWITCH, {"destination": RELAY, "act": "limit", "choice": "unlimited"})
    assert lanes.rate_of(RELAY, Lane.objects.get(destination=RELAY)) is None
    record = bruno.get("/admin/audit").text
    assert "Limit oder Pause eines Ziels" in record
    assert "100/hour" in record


@pytest.mark.parametrize("messages", ["", "0", "-5", "many", "1.5", "10000000"])
def test_what_is_no_limit_is_kept_in_the_form(bruno: Client, messages: str) -> None:
    form = {"destination": RELAY, "act": "limit", "choice": "limited", "messages": messages, "unit": "day"}
    page = bruno.post(SWITCH, form)
    assert page.status_code == 422
    assert "eine ganze Zahl von 1 bis 1.000.000" in page.text
    assert '<option value="day" selected>' in page.text
    assert not Lane.objects.filter(destination=RELAY).exists()


@pytest.mark.parametrize("name", ["", "\0", "relay\0.acme.test:25"])
def test_no_name_of_a_destination(bruno: Client, name: str) -> None:
    """NUL is none that PostgreSQL could be asked for."""
    form = {"destination": name, "choice": "unlimited"}
    known = name.replace("\0", "") == RELAY
    for act in ("pause", "resume", "retry", "limit"):
        assert bruno.post(SWITCH, form | {"act": act}).status_code == (302 if known else 404)
    assert bruno.get(f"/delivery/destinations/{quote(name)}x").status_code == 200
    assert [lane.destination for lane in Lane.objects.all()] == ([RELAY] if known else [])


def test_agents_read_and_supervisors_press(ada: Client, world: World, waiting: Delivery) -> None:
    assert SWITCH not in ada.get(PAGE).text
    for act in ("pause", "retry", "limit"):
        assert ada.post(SWITCH, {"destination": RELAY, "act": act}).status_code == 403
    assert ada.get("/delivery/destinations/nobody.test").status_code == 200


def test_mail_held_back_on_purpose_is_not_late(ada: Client, world: World, waiting: Delivery) -> None:
    Delivery.objects.update(next_attempt_at=clock.now() - timedelta(hours=1))
    assert sending.health() == "waiting"
    assert ada.get("/readyz").json()["checks"]["queue"]["ready"] is False
    lanes.limit(RELAY, "1/hour", None)
    assert ada.get("/readyz").json()["checks"]["queue"]["ready"] is False, "nobody takes what the limit allows"
    lanes.spend(RELAY, clock.now() + timedelta(minutes=30))
    assert ada.get("/readyz").json()["checks"]["queue"]["ready"] is True
    assert "As fast as its limit allows" in ada.get("/delivery").text
    lanes.limit(RELAY, "", None)
    lanes.pause(RELAY, world.ada)
    assert ada.get("/readyz").json()["checks"]["queue"]["ready"] is True


def test_the_verb_and_the_metrics_say_the_same(client: Client, world: World, waiting: Delivery) -> None:
    Delivery.objects.update(next_attempt_at=clock.now() - timedelta(seconds=90))
    note()
    lanes.limit(RELAY, "120/minute", world.ada)
    line = CliRunner().invoke(queue.command).output.splitlines()[-1]
    assert line.startswith(f"{RELAY}: open, waiting 1, connections 3 of 10, oldest due since 9")
    assert ", limit 120/minute, last error " in line
    assert line.endswith("421 4.7.0 Too fast, <b>slow</b> down")
    lanes.pause(RELAY, world.ada)
    told = client.get("/metrics").text
    for name, value in [
        ("waiting", "1.0"),
        ("sessions", "3.0"),
        ("sessions_allowed", "10.0"),
        ("rate_per_second", "2.0"),
        ("paused", "1.0"),
        ("trouble_seconds", "0.0"),
    ]:
        assert f'answerback_lane_{name}{{destination="{RELAY}"}} {value}' in told
    assert f'answerback_lane_oldest_due_seconds{{destination="{RELAY}"}} 9' in told
