"""Rate limits: what they read, and that no stretch of time ever sees more than they allow."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerback.outbound.pace import UNITS, Rate

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
DAY_LATER = NOON + timedelta(days=1)


@pytest.mark.parametrize(
    "text, rate",
    [
        ("30/minute", Rate(30, "minute")),
        (" 1 / day ", Rate(1, "day")),
        ("14/second", Rate(14, "second")),
        ("1000000/hour", Rate(1_000_000, "hour")),
    ],
)
def test_a_limit_is_read_and_written(text: str, rate: Rate) -> None:
    assert Rate.read(text) == rate
    assert Rate.read(str(rate)) == rate


@pytest.mark.parametrize(
    "text", ["", "30", "0/minute", "-1/minute", "30/week", "30 per minute", "²/day", "1000001/day"]
)
def test_what_is_no_limit_says_what_would_be(text: str) -> None:
    with pytest.raises(ValueError, match="such as 30/minute"):
        Rate.read(text)


@pytest.mark.parametrize(
    "text, burst, seconds",
    [("1/minute", 1, 60), ("9/minute", 1, 60 / 9), ("30/minute", 3, 60 / 28), ("100/hour", 10, 3600 / 91)],
)
def test_a_tenth_may_go_at_once_and_the_rest_is_spread(text: str, burst: int, seconds: float) -> None:
    rate = Rate.read(text)
    assert rate.allowed(None, NOON) == rate.burst == burst
    assert rate.interval / timedelta(seconds=seconds) == pytest.approx(1)
    used = rate.spend(None, NOON, burst)
    assert rate.allowed(used, NOON) == 0
    assert rate.wait(used, NOON) == rate.interval
    assert rate.allowed(used, NOON + rate.interval) == 1


def test_after_a_quiet_time_it_is_full_again_and_no_fuller() -> None:
    rate = Rate.read("100/hour")
    used = rate.spend(None, NOON, 10)
    assert rate.allowed(used, DAY_LATER) == 10


def test_a_clock_that_was_set_back_stops_nothing_for_long() -> None:
    rate = Rate.read("60/minute")
    assert rate.wait(DAY_LATER, NOON) == rate.interval


def test_a_higher_limit_holds_at_once() -> None:
    used = Rate.read("1/day").spend(None, NOON, 1)
    rate = Rate.read("60/minute")
    assert rate.wait(used, NOON) == rate.interval


@given(
    st.integers(1, 300),
    st.sampled_from(sorted(UNITS)),
    st.lists(st.tuples(st.floats(0, 1), st.integers(1, 400)), max_size=200),
)
def test_no_stretch_of_time_sees_more(messages: int, unit: str, asked: list[tuple[float, int]]) -> None:
    """Whoever asks for however many at whatever moments."""
    rate, now, used = Rate(messages, unit), NOON, None
    went: list[tuple[datetime, int]] = []
    for pause, wanted in asked:
        now += timedelta(seconds=pause * UNITS[unit])
        if (count := min(wanted, rate.allowed(used, now))) > 0:
            used = rate.spend(used, now, count)
            went.append((now, count))
    for start, _ in went:
        end = start + timedelta(seconds=UNITS[unit])
        assert sum(count for at, count in went if start <= at < end) <= messages


@given(st.integers(1, 60), st.sampled_from(sorted(UNITS)))
def test_it_is_used_to_nearly_all_of_it(messages: int, unit: str) -> None:
    rate, now, used, sent = Rate(messages, unit), NOON, None, 0
    while now < NOON + timedelta(seconds=4 * UNITS[unit]):
        if count := rate.allowed(used, now):
            used, sent = rate.spend(used, now, count), sent + count
        now += max(rate.wait(used, now), timedelta(microseconds=1))
    assert sent >= 0.85 * 4 * messages
