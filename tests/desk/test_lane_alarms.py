"""A destination that does worse than usual: administrators hear of it, everywhere the same, and that it is over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client
from tests.world import World

from answerback.core import clock
from answerback.desk.models import Notice
from answerback.desk.telling import lane_alarms
from answerback.outbound import alarms, lanes
from answerback.outbound.models import Delivery, DeliveryEvent, LaneAlarm, LaneFigures
from answerback.reports import sending
from mailroom.states import Fact

RELAY = "relay.acme.test:25"
NOON = datetime(2026, 11, 25, 12, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def relay(settings: object) -> None:
    settings.RELAY_URL = "smtp://relay.acme.test"  # type: ignore[attr-defined]


@pytest.fixture
def time() -> Iterator[time_machine.Coordinates]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def bruno(world: World) -> Client:
    """Bruno's browser: an admin, German."""
    browser = Client()
    browser.force_login(world.bruno)
    return browser


@pytest.fixture
def delivery(world: World) -> Delivery:
    """One that waits for a later attempt, and does not count as late."""
    world.answer(world.ticket())
    delivery = world.delivery_to(world.clara)
    Delivery.objects.filter(pk=delivery.pk).update(next_attempt_at=datetime(2027, 1, 1, tzinfo=UTC))
    return delivery


def said(delivery: Delivery, taken: int = 0, refused: int = 0) -> None:
    """What a server answered just now, as events tell it."""
    facts = [Fact.SESSION_ACCEPTED] * taken + [Fact.SESSION_TRANSIENT] * refused
    DeliveryEvent.objects.bulk_create(
        DeliveryEvent(
            delivery=delivery, at=clock.now(), fact=fact, from_state="sending", to_state="deferred", source="session"
        )
        for fact in facts
    )


def look(time: time_machine.Coordinates, minutes: int) -> None:
    """So many minutes pass, with a look in each."""
    for _ in range(minutes):
        time.shift(MINUTE)
        lane_alarms.look()


def kinds() -> list[str]:
    return [alarm.kind for alarm in alarms.told()]


def test_failures_jump_and_go(world: World, delivery: Delivery, time: time_machine.Coordinates, bruno: Client) -> None:
    for _ in range(12):
        said(delivery, taken=20)
        look(time, 5)
    assert kinds() == []
    said(delivery, taken=5, refused=60)
    look(time, 1)
    assert kinds() == [], "perhaps it is over in a moment"
    look(time, 2)
    assert kinds() == ["failing"]
    assert sending.health() == "alarm"
    page = bruno.get("/delivery").text
    assert "relay.acme.test:25 lehnt mehr Mail ab als sonst" in page
    assert "In einer halben Stunde waren 60 von" in page
    [notice] = Notice.objects.filter(kind=Notice.Kind.LANE)
    assert (notice.account_id, notice.settled_at) == (world.bruno.pk, None)
    assert bruno.get(f"/notices/{notice.pk}").headers["Location"] == f"/delivery/destinations/{RELAY}"
    assert f'answerback_lane_alarm{{destination="{RELAY}",kind="failing"}} 1.0' in bruno.get("/metrics").text
    look(time, 30)
    assert kinds() == []
    notice.refresh_from_db()
    assert notice.settled_at
    assert "Vorbei" in bruno.get("/notices").text
    assert "Frühere Alarme" in bruno.get(f"/delivery/destinations/{RELAY}").text
    assert sending.health() == "fine"


def test_who_always_refuses_that_much_is_no_news(delivery: Delivery, time: time_machine.Coordinates) -> None:
    for _ in range(20):
        said(delivery, taken=12, refused=8)
        look(time, 5)
    assert not LaneAlarm.objects.exists()


def test_a_lasting_failure_is_told_once(world: World, delivery: Delivery, time: time_machine.Coordinates) -> None:
    for _ in range(30):
        said(delivery, taken=1, refused=10)
        look(time, 5)
    assert kinds() == ["failing"]
    assert Notice.objects.filter(kind=Notice.Kind.LANE).count() == 1


def test_a_queue_grows_old(world: World, delivery: Delivery, time: time_machine.Coordinates, bruno: Client) -> None:
    Delivery.objects.update(next_attempt_at=clock.now())
    look(time, 9)
    assert not LaneAlarm.objects.exists()
    look(time, 4)
    assert kinds() == ["old"]
    page = bruno.get("/delivery").text
    assert "Mail an relay.acme.test:25 wartet länger als sonst" in page
    assert "Die älteste ist seit 13 Minuten fällig, sonst seit höchstens 1 Minute." in page
    assert "Läuft einer?" in page
    lanes.pause(RELAY, world.bruno)
    look(time, 1)
    assert kinds() == [], "a person wants it to wait"


def test_what_waited_on_purpose_is_not_old_afterwards(
    world: World, delivery: Delivery, time: time_machine.Coordinates, bruno: Client
) -> None:
    """Seen as an alarm, and as a red `/readyz`, in the minute in which a destination went on."""
    Delivery.objects.update(next_attempt_at=clock.now())
    lanes.pause(RELAY, world.bruno)
    look(time, 30)
    lanes.resume(RELAY)
    look(time, 9)
    assert not LaneAlarm.objects.exists()
    assert bruno.get("/readyz").json()["checks"]["queue"]["ready"] is True
    look(time, 4)
    assert kinds() == ["old"], "nobody takes it"
    assert bruno.get("/readyz").json()["checks"]["queue"]["ready"] is False


def test_a_paused_destination_is_not_failing(world: World, delivery: Delivery, time: time_machine.Coordinates) -> None:
    said(delivery, taken=1, refused=60)
    look(time, 3)
    assert kinds() == ["failing"]
    lanes.pause(RELAY, world.bruno)
    look(time, 1)
    assert kinds() == []


def test_mail_that_usually_waits_long_is_not_old(delivery: Delivery, time: time_machine.Coordinates) -> None:
    LaneFigures.objects.bulk_create(
        LaneFigures(destination=RELAY, start=NOON - timedelta(hours=2) - number * 5 * MINUTE, oldest_due=1200)
        for number in range(50)
    )
    Delivery.objects.update(next_attempt_at=clock.now())
    look(time, 40)
    assert not LaneAlarm.objects.exists()
    look(time, 25)
    assert kinds() == ["old"]


def test_a_fault_of_ours_is_told_as_that(world: World, delivery: Delivery, time: time_machine.Coordinates) -> None:
    said(delivery, refused=20)
    Delivery.objects.update(next_attempt_at=clock.now())
    lanes.begin_trouble(RELAY, "535 5.7.8 bad password", "login_refused", clock.now())
    look(time, 20)
    assert kinds() == ["refuses"]
    lanes.end_trouble(RELAY, clock.now())
    Delivery.objects.update(next_attempt_at=clock.now() + timedelta(days=1))
    look(time, 1)
    assert kinds() == []
    assert Notice.objects.filter(kind=Notice.Kind.LANE, settled_at__isnull=True).count() == 0


def test_old_figures_go(delivery: Delivery, time: time_machine.Coordinates) -> None:
    said(delivery, taken=1)
    look(time, 1)
    assert LaneFigures.objects.exists()
    time.shift(timedelta(days=8))
    alarms.forget_old()
    assert not LaneFigures.objects.exists()
