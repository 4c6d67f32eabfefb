"""When a refused mail is tried again: by the schedule, and where a warning of the delay or the end comes before."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
import time_machine
from tests.outbound.conftest import Outbox

from answerback.core import clock
from answerback.outbound import lifecycle
from answerback.outbound.lifecycle import _next_attempt
from answerback.outbound.models import Delivery, DeliveryEvent
from answerback.outbound.told import Outcome
from mailroom.report import Action, DeliveryReport, Scope, Stage

NOON = datetime.fromisoformat("2026-11-23T12:00:00Z")
MINUTE, HOUR, DAY = 60, 3600, 24 * 3600
GREYLISTED = DeliveryReport("", Action.FAILED, reply_code=451, diagnostic="451 4.7.1 try again later", stage=Stage.RCPT)
NOT_BEFORE_2_HOURS = GREYLISTED._replace(retry_after=2 * HOUR)
OURS = DeliveryReport("", Action.FAILED, scope=Scope.MESSAGE, ours=True, diagnostic="internal error")


@pytest.fixture(autouse=True)
def no_chance(settings: object, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.RETRY_SCHEDULE = (5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR)  # type: ignore[attr-defined]
    settings.DELAY_WARNING_AFTER, settings.EXPIRE_AFTER = 4 * HOUR, 5 * DAY  # type: ignore[attr-defined]
    monkeypatch.setattr(random, "random", lambda: 0.0)


@pytest.mark.parametrize(
    ("age", "attempts", "columns", "report", "expected"),
    [
        pytest.param(0, 1, {}, GREYLISTED, 5 * MINUTE, id="the schedule's first step"),
        pytest.param(110 * MINUTE, 5, {}, GREYLISTED, 230 * MINUTE, id="a step that ends before the warning"),
        pytest.param(230 * MINUTE, 6, {}, GREYLISTED, 4 * HOUR, id="no later than the warning"),
        pytest.param(238 * MINUTE, 6, {}, GREYLISTED, 243 * MINUTE, id="not at once, just before it"),
        pytest.param(4 * HOUR - 1, 6, {}, GREYLISTED, 245 * MINUTE - 1, id="not at once, a second before it"),
        pytest.param(4 * HOUR, 6, {}, GREYLISTED, 8 * HOUR, id="this refusal brings the warning"),
        pytest.param(5 * HOUR, 6, {}, GREYLISTED, 9 * HOUR, id="so does a later one"),
        pytest.param(230 * MINUTE, 6, {"delay_warned": True}, GREYLISTED, 470 * MINUTE, id="there was one"),
        pytest.param(4 * HOUR, 6, {"waited_seconds": HOUR}, GREYLISTED, 5 * HOUR, id="an hour of it was ours"),
        pytest.param(230 * MINUTE, 6, {}, OURS, 470 * MINUTE, id="our fault brings none"),
        pytest.param(3 * HOUR, 6, {}, NOT_BEFORE_2_HOURS, 5 * HOUR, id="a server that asks for time gets it"),
        pytest.param(HOUR, 6, {}, NOT_BEFORE_2_HOURS, 4 * HOUR, id="and no more than it asks for"),
        pytest.param(5 * DAY - HOUR, 40, {"delay_warned": True}, GREYLISTED, 5 * DAY, id="no later than the end"),
    ],
)
def test_the_next_attempt(
    age: int, attempts: int, columns: dict[str, object], report: DeliveryReport, expected: int
) -> None:
    row = Delivery(queued_at=NOON, attempts=attempts, **columns)
    due = _next_attempt(row, report, row.waited_seconds, NOON + timedelta(seconds=age))
    assert due - NOON == timedelta(seconds=expected)


@pytest.mark.parametrize("chance", [0, 0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1])
def test_the_warning_comes_when_it_is_due(outbox: Outbox, monkeypatch: pytest.MonkeyPatch, chance: float) -> None:
    """A server that never takes it, at every attempt after half a minute: whatever chance adds to the steps."""
    monkeypatch.setattr(random, "random", lambda: chance)
    [row, _] = outbox()
    tried: list[timedelta] = []
    while not row.delay_warned:
        with time_machine.travel(row.next_attempt_at, tick=False):
            attempts = lifecycle.claim([row.pk], "host:1", clock.now() + timedelta(minutes=15))
        with time_machine.travel(row.next_attempt_at + timedelta(seconds=30), tick=False):
            lifecycle.record([Outcome(row.pk, GREYLISTED, "host:1", attempts[row.pk])])
        row = Delivery.objects.get(pk=row.pk)
        tried.append(row.updated_at - row.queued_at)
    warning = DeliveryEvent.objects.get(fact=lifecycle.DELAY_WARNING)
    assert warning.at - row.queued_at == tried[-1]
    assert timedelta(hours=4) <= tried[-1] <= timedelta(hours=4, minutes=6)
    assert len(tried) <= 8
    assert min(later - earlier for earlier, later in pairwise(tried)) >= timedelta(minutes=5)
