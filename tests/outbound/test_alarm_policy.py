"""When a destination does worse than usual: the bars, and that an alarm does not flap."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerback.outbound import alarm_policy
from answerback.outbound.alarm_policy import Answers, Bar

SHARES = st.floats(0, 1)


@pytest.mark.parametrize(
    "taken, refused, usual, alarmed, failing",
    [
        (8, 10, 0.05, False, True),
        (70, 30, 0.05, False, True),
        (71, 29, 0.05, False, False),
        (0, 9, 0.05, False, False),  # too few to say so
        (60, 40, 0.3, False, False),  # that is what it is like: greylisting, an old list of addresses
        (35, 65, 0.3, False, True),
        (0, 100, 0.7, False, True),  # much is usual, all is not
        (5, 95, 0.7, False, False),
        (80, 20, 0.05, True, True),  # once begun, it ends half way down
        (83, 17, 0.05, True, False),
        (60, 40, None, False, False),  # new here, and perhaps greylisted
        (10, 90, None, False, True),
        (0, 0, 0.05, True, False),  # nobody refuses any more
    ],
)
def test_failing(taken: int, refused: int, usual: float | None, alarmed: bool, failing: bool) -> None:
    bar = alarm_policy.failing_bar(usual)
    assert alarm_policy.is_failing(bar, Answers(taken, refused), alarmed) is failing


@pytest.mark.parametrize(
    "past, usual", [(Answers(0, 0), None), (Answers(0, 29), None), (Answers(15, 15), 0.5), (Answers(1000, 0), 0.0)]
)
def test_what_is_usual(past: Answers, usual: float | None) -> None:
    assert alarm_policy.usual_share(past) == usual


@pytest.mark.parametrize("past, bar", [([], 600), ([0] * 100, 600), ([0] * 95 + [5000] * 5, 600), ([1200] * 20, 3600)])
def test_old_is_compared_with_the_past(past: list[float], bar: float) -> None:
    assert alarm_policy.old_bar(alarm_policy.usual_age(past)).begins == bar


@given(SHARES)
def test_a_bar_is_above_what_is_usual_and_ends_below_itself(usual: float) -> None:
    bar = alarm_policy.failing_bar(usual)
    assert usual - 1e-9 <= bar.ends <= bar.begins <= 1


@given(st.floats(0, 10_000), st.floats(1, 10_000), st.floats(0, 20_000))
def test_what_begins_an_alarm_does_not_end_it(usual: float, above: float, measured: float) -> None:
    bar = Bar(usual, usual + above)
    if bar.is_over(measured, alarmed=False):
        assert bar.is_over(measured, alarmed=True)
