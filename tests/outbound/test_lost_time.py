"""A fault of ours stops the clock of all that waits, and touches none of it."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest
import time_machine
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from tests.outbound.conftest import Outbox, World
from tests.outbound.test_recording_outcomes import ACCEPTED, GREYLISTED, LOGIN_REFUSED, claim, fresh, said, words

from answerback.core import clock, db
from answerback.outbound import alarms, destinations, lanes, lifecycle, lost_time
from answerback.outbound.models import Delivery, Lane
from answerback.reports import sending
from mailroom.report import DeliveryReport, Scope
from mailroom.states import Fact

LANE = "relay.test:2525"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
Troubles = list[tuple[int, int]]


def begin_trouble(at: datetime, destination: str = LANE) -> None:
    lanes.begin_trouble(destination, "535 no", "login_refused", at)


def lost(row: Delivery, at: datetime) -> timedelta:
    [row] = fresh(row)
    lane = Lane.objects.filter(destination=row.destination).first()
    return timedelta(seconds=lost_time.seconds(row, lane, at))


def queued_at(noon: datetime, outbox: Outbox, world: World, troubles: Troubles) -> Delivery:
    """A mail that came at noon of day 0 of a lane that was in trouble between these days."""
    found: list[Delivery] = []

    def come() -> None:
        with time_machine.travel(noon, tick=False):
            found.extend(outbox([world.clara]))

    for begin, end in troubles:
        if not found and begin >= 0:
            come()
        begin_trouble(noon + begin * DAY)
        if not found and end >= 0:
            come()
        lanes.end_trouble(LANE, noon + end * DAY)
    if not found:
        come()
    return found[0]


@pytest.mark.parametrize(
    ("report", "troubled"), [(LOGIN_REFUSED, False), (LOGIN_REFUSED, True), (GREYLISTED, True), (ACCEPTED, True)]
)
def test_a_long_queue_costs_no_more_than_a_short_one(outbox: Outbox, report: DeliveryReport, troubled: bool) -> None:
    """Trouble that begins, lasts or ends: as many statements, and none of them writes what waits."""

    def statements(count: int) -> int:
        Delivery.objects.all().delete()
        Lane.objects.all().delete()
        probe, waits = outbox()
        columns = {name: value for name, value in vars(waits).items() if name not in ("_state", "id")}
        Delivery.objects.bulk_create(Delivery(**columns) for _ in range(count))
        [probe] = claim(probe)
        if troubled:
            begin_trouble(clock.now())
        waiting = Delivery.objects.exclude(pk=probe.pk).order_by("pk")
        before = list(waiting.values())
        with CaptureQueriesContext(connection) as queries:
            lifecycle.record([said(probe, report)])
        assert list(waiting.values()) == before
        assert (lanes.sending_is_down() is not None) is (report is LOGIN_REFUSED)
        return len(queries)

    assert statements(10) == statements(2000)


@pytest.mark.parametrize(
    ("troubles", "after", "state"),
    [
        ([], 4.9, "deferred"),
        ([], 5.1, "failed"),
        ([(1, 10)], 13.9, "deferred"),
        ([(1, 10)], 14.1, "failed"),
        ([(1, 3), (4, 6), (7, 9)], 10.9, "deferred"),
        ([(1, 3), (4, 6), (7, 9)], 11.1, "failed"),
        ([(-9, -2)], 4.9, "deferred"),
        ([(-9, -2)], 5.1, "failed"),  # over before the mail came
        ([(-9, 2)], 6.9, "deferred"),
        ([(-9, 2)], 7.1, "failed"),
        ([(-9, -7), (-5, 2), (3, 4)], 7.9, "deferred"),
        ([(-9, -7), (-5, 2), (3, 4)], 8.1, "failed"),
    ],
)
def test_giving_up_takes_five_days_of_the_recipients_own(
    world: World, outbox: Outbox, troubles: Troubles, after: float, state: str
) -> None:
    noon = clock.now()
    row = queued_at(noon, outbox, world, troubles)
    with time_machine.travel(noon + after * DAY, tick=False):
        [row] = claim(row)
        lifecycle.record([said(row, GREYLISTED)])
    assert fresh(row)[0].state == state


def test_nobody_is_given_up_while_the_fault_is_ours(world: World, outbox: Outbox) -> None:
    noon = clock.now()
    row = queued_at(noon, outbox, world, [])
    with time_machine.travel(noon + 30 * DAY, tick=False):
        [row] = claim(row)
        lifecycle.record([said(row, LOGIN_REFUSED)])
    [row] = fresh(row)
    assert (row.state, row.delay_warned) == ("deferred", False)


def test_the_delay_warning_comes_after_four_hours_of_the_recipients_own(world: World, outbox: Outbox) -> None:
    noon = clock.now()
    row = queued_at(noon, outbox, world, [(0, 3)])
    for hours, warned in ((3.9, False), (4.1, True)):
        with time_machine.travel(noon + 3 * DAY + hours * HOUR, tick=False):
            [row] = claim(row)
            lifecycle.record([said(row, GREYLISTED)])
        assert fresh(row)[0].delay_warned is warned


def test_a_fault_with_one_message_is_its_own(world: World, outbox: Outbox) -> None:
    noon = clock.now()
    clara, deniz = outbox()
    fault = LOGIN_REFUSED._replace(scope=Scope.MESSAGE)
    with time_machine.travel(noon, tick=False):
        [clara] = claim(clara)
        lifecycle.record([said(clara, fault)])
    with time_machine.travel(noon + DAY, tick=False):
        [clara] = claim(clara)
        lifecycle.record([said(clara, GREYLISTED)])
    assert (lost(clara, noon + 2 * DAY), lost(deniz, noon + 2 * DAY)) == (DAY, timedelta(0))


def test_who_meets_the_fault_shows_it_until_it_is_over(outbox: Outbox) -> None:
    """Who waits behind them shows it too; whom a server deferred keeps what that server said."""
    clara, deniz = outbox()
    greylisted, behind = outbox()
    [clara, deniz, greylisted] = claim(clara, deniz, greylisted)
    lifecycle.record([said(greylisted, GREYLISTED), said(clara, LOGIN_REFUSED)])
    assert words(clara, deniz, greylisted, behind) == ["our_fault", "our_fault", "trying", "our_fault"]
    lifecycle.record([said(deniz, ACCEPTED)])
    assert words(clara, deniz, greylisted, behind) == ["trying", "accepted", "trying", "sending"]


def test_mail_that_changes_its_lane_keeps_what_it_lost(world: World, outbox: Outbox, settings: object) -> None:
    """And is moved twice without harm: two workers may start at once."""
    noon = clock.now()
    lanes.begin_trouble("new.test:25", "535 no", "login_refused", noon - 20 * DAY)
    lanes.end_trouble("new.test:25", noon - 17 * DAY)
    row = queued_at(noon, outbox, world, [(0, 9)])
    settings.RELAY_URL = "smtp://new.test:25"  # type: ignore[attr-defined]
    with time_machine.travel(noon + 10 * DAY, tick=False):
        assert destinations.relabel_waiting() == 1
        destinations._relabel([row.pk], "new.test:25")
        assert destinations.relabel_waiting() == 0
    assert (fresh(row)[0].destination, lost(row, noon + 11 * DAY)) == ("new.test:25", 9 * DAY)
    begin_trouble(noon + 12 * DAY, "new.test:25")
    assert lost(row, noon + 14 * DAY) == 11 * DAY


def test_mail_moved_out_of_a_lane_in_trouble_waits_no_longer(world: World, outbox: Outbox, settings: object) -> None:
    noon = clock.now()
    settings.RELAY_URL = ""  # type: ignore[attr-defined]
    with time_machine.travel(noon, tick=False):
        lanes.take_over_settings()
        [row] = outbox([world.clara])
    assert words(row) == ["our_fault"]
    settings.RELAY_URL = "smtp://new.test:25"  # type: ignore[attr-defined]
    with time_machine.travel(noon + 9 * DAY, tick=False):
        lanes.take_over_settings()
    assert (words(row), lost(row, noon + 10 * DAY)) == (["sending"], 9 * DAY)


def test_released_mail_starts_anew(world: World, outbox: Outbox) -> None:
    noon = clock.now()
    row = queued_at(noon, outbox, world, [])
    lifecycle.decide([row.pk], Fact.HOLD)
    begin_trouble(noon)
    with time_machine.travel(noon + 9 * DAY, tick=False):
        lifecycle.decide([row.pk], Fact.RELEASE, world.ada)
    assert lost(row, noon + 9 * DAY) == timedelta(0)
    assert lost(row, noon + 10 * DAY) == DAY


def test_a_jump_of_the_clock_counts_once(world: World, outbox: Outbox) -> None:
    noon = clock.now()
    row = queued_at(noon, outbox, world, [])
    lanes.forgive(HOUR)
    assert lost(row, noon) == HOUR
    begin_trouble(noon)
    lanes.forgive(DAY)
    assert lost(row, noon + DAY) == HOUR + DAY


def test_nothing_is_late_that_could_not_leave(world: World, outbox: Outbox) -> None:
    """Else the end of every longer trouble would begin with an alarm."""
    noon = clock.now()
    row = queued_at(noon, outbox, world, [(0, 3)])
    for minutes, late in ((5, False), (15, True)):
        with time_machine.travel(noon + 3 * DAY + timedelta(minutes=minutes), tick=False):
            assert (sending.oldest_late() is not None) is late
            assert alarms._oldest_due(clock.now()) == {LANE: noon + 3 * DAY}
    assert fresh(row)[0].next_attempt_at == noon


@pytest.mark.django_db(transaction=True)
def test_trouble_waits_for_nobody_who_holds_mail(world: World, outbox: Outbox) -> None:
    """An agent cancels what waits while trouble begins and ends; neither waits for the other."""
    if not db.is_postgresql():
        pytest.skip("on SQLite one transaction writes at a time")
    probe, *waiting = outbox() + outbox()
    [probe] = claim(probe)
    held, done = threading.Event(), threading.Event()

    def agent() -> None:
        with transaction.atomic():
            lifecycle.decide([row.pk for row in waiting], Fact.CANCEL, world.ada)
            held.set()
            done.wait(10)
        connections.close_all()

    thread = threading.Thread(target=agent)
    thread.start()
    held.wait()
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '2s'")
    try:
        lifecycle.record([said(probe, LOGIN_REFUSED)])
        [probe] = claim(probe)
        lifecycle.record([said(probe, ACCEPTED)])
    finally:
        connection.close()
        done.set()
        thread.join()
    assert [row.state for row in fresh(probe, *waiting)] == ["accepted", "cancelled", "cancelled", "cancelled"]


def test_trouble_that_two_workers_end_and_begin_is_counted_once(world: World, outbox: Outbox) -> None:
    noon = clock.now()
    row = queued_at(noon, outbox, world, [(1, 3)])
    assert not lanes.end_trouble(LANE, noon + 4 * DAY)
    begin_trouble(noon + 5 * DAY)
    begin_trouble(noon + 6 * DAY)
    assert lost(row, noon + 7 * DAY) == 4 * DAY
