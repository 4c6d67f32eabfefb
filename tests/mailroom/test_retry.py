"""When to try again and when to give up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.retry import (
    DEFAULT_DELAY_WARNING_AFTER,
    DEFAULT_EXPIRE_AFTER,
    DEFAULT_SCHEDULE,
    may_expire,
    may_warn,
    next_delay,
    read_retry_after,
    waited,
)

DEMO = (5, 10, 20, 40)
NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)
DAY = 24 * 3600


@pytest.mark.parametrize(
    "attempts, delay", [(1, 300), (2, 600), (3, 1200), (4, 2400), (5, 4800), (6, 9600), (7, 14400), (8, 14400)]
)
def test_the_default_grows_from_five_minutes_to_four_hours(attempts: int, delay: int) -> None:
    assert next_delay(attempts, DEFAULT_SCHEDULE, None, 0) == delay


@pytest.mark.parametrize("attempts, delay", [(0, 5), (1, 5), (2, 10), (3, 20), (4, 40), (5, 40), (1000, 40)])
def test_the_last_step_repeats(attempts: int, delay: int) -> None:
    assert next_delay(attempts, DEMO, None, 0) == delay


@pytest.mark.parametrize("jitter, delay", [(0, 600), (0.5, 630), (1, 660)])
def test_chance_adds_up_to_a_tenth(jitter: float, delay: int) -> None:
    assert next_delay(2, DEFAULT_SCHEDULE, None, jitter) == delay


@pytest.mark.parametrize(
    "attempts, schedule, retry_after, delay",
    [
        (1, DEFAULT_SCHEDULE, 600, 600),  # later than our own step
        (1, DEFAULT_SCHEDULE, 120, 120),  # earlier than our own step
        (3, DEFAULT_SCHEDULE, 120, 120),
        (4, DEFAULT_SCHEDULE, 120, 2400),  # but not for ever
        (1, DEFAULT_SCHEDULE, 1, 60),
        (1, DEFAULT_SCHEDULE, 0, 60),
        (1, DEFAULT_SCHEDULE, 14400, 14400),
        (1, DEFAULT_SCHEDULE, 7 * DAY, 14400),
        (1, (6 * 3600,), 7 * DAY, 6 * 3600),  # the admin's own step is the bound where it is longer
        (1, DEMO, 2, 5),
        (1, DEMO, 300, 300),
        (9, DEMO, 300, 300),
    ],
)
def test_a_server_that_names_a_time_is_obeyed_within_reason(
    attempts: int, schedule: tuple[int, ...], retry_after: int, delay: int
) -> None:
    assert next_delay(attempts, schedule, retry_after, 0) == delay


@given(st.integers(0, 500), st.none() | st.integers(0, 10**6), st.floats(0, 1))
def test_delays_stay_within_the_schedule(attempts: int, retry_after: int | None, jitter: float) -> None:
    delay = next_delay(attempts, DEFAULT_SCHEDULE, retry_after, jitter)
    assert 60 <= delay <= 14400 * 1.1
    if retry_after is not None and retry_after <= 14400:
        assert delay >= min(retry_after, 14400)


def _at(seconds: int) -> datetime:
    return NOON + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "age, paused, expired",
    [
        (0, 0, False),
        (DEFAULT_EXPIRE_AFTER - 1, 0, False),
        (DEFAULT_EXPIRE_AFTER, 0, True),
        (DEFAULT_EXPIRE_AFTER, 1, False),  # one second was ours
        (DEFAULT_EXPIRE_AFTER + DAY, DAY, True),
        (-DAY, 0, False),  # the clock was set back
    ],
)
def test_expiry_counts_only_their_time(age: int, paused: int, expired: bool) -> None:
    assert may_expire(NOON, _at(age), paused) is expired


def test_nothing_expires_while_the_fault_is_ours() -> None:
    assert not may_expire(NOON, _at(30 * DAY), 0, paused_since=_at(6 * DAY))


def test_the_clock_stands_still_while_the_fault_is_ours() -> None:
    assert waited(NOON, _at(10_000), 1_000, paused_since=_at(4_000)) == 3_000
    assert waited(NOON, _at(99_999), 1_000, paused_since=_at(4_000)) == 3_000
    assert waited(NOON, _at(2_000), 0, paused_since=_at(4_000)) == 2_000


@pytest.mark.parametrize(
    "age, paused, warned",
    [
        (DEFAULT_DELAY_WARNING_AFTER - 1, 0, False),
        (DEFAULT_DELAY_WARNING_AFTER, 0, True),
        (DEFAULT_DELAY_WARNING_AFTER, 60, False),
    ],
)
def test_a_delay_is_told_after_four_hours(age: int, paused: int, warned: bool) -> None:
    assert may_warn(NOON, _at(age), paused) is warned


def test_limits_of_our_own() -> None:
    assert may_expire(NOON, _at(600), expire_after=600)
    assert may_warn(NOON, _at(60), warn_after=60)


@pytest.mark.parametrize(
    "text, seconds",
    [
        ("451 4.7.1 Greylisting in action, please come back in 00:05:00", 300),
        ("450 4.2.0 <anna@example.org>: Recipient address rejected: Greylisted for 300 seconds", 300),
        ("451 4.7.1 Please try again in 5 minutes", 300),
        ("421 4.7.0 Try again later, wait at least 1 hour before reconnecting", 3600),
        ("451 Temporarily rejected. Try again in 4 minutes and 30 seconds", 270),
        ("450 greylisted: retry after 60s", 60),
        ("450 4.7.1 Retry-After: 90 sec", 90),
        ("451 You have been greylisted. Please wait 15 min and retry.", 900),
        ("451 4.7.1 Bitte versuchen Sie es in 10 Minuten erneut", 600),
        ("450 4.2.0 Vorübergehend abgelehnt, bitte nach 2 Stunden wieder versuchen", 7200),
        ("450 Bitte warten Sie 30 Sekunden", 30),
        ("451 erneut in 1 Std.", 3600),
        ("451 try again in 2 days", 2 * DAY),
        ("451 4.7.1 Greylisted, try again later", None),
        ("451 4.7.1 too many mails: 100 per 60 minutes, try again later", None),
        ("451 please try again at 12:30", None),
        ("554 retry timeout exceeded", None),
        ("450 4.1.1 message 5 minutes old", None),
        ("451 internal error 12345 in 7 modules, try again", None),
        ("451 try again in 5 \u017fec", None),
        ("", None),
    ],
)
def test_reading_when_to_come_back(text: str, seconds: int | None) -> None:
    assert read_retry_after(text) == seconds


@given(st.text())
def test_reading_never_raises(text: str) -> None:
    seconds = read_retry_after(text)
    assert seconds is None or seconds >= 0
