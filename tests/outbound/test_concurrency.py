"""How many sessions a destination may have: what each kind of answer does to its window."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerback.outbound.concurrency import HELD_SECONDS, Window

# one letter an answer: a mail taken, a session broken off, none came about, one too many, a refusal for all
ANSWERS: dict[str, Callable[[Window, float], None]] = {
    "t": lambda window, now: window.took(now),
    "b": lambda window, now: window.broke(),
    "f": lambda window, now: window.failed(),
    "c": lambda window, now: window.was_crowded(now),
    "d": lambda window, now: window.die(),
}


def after(answers: str, initial: int = 2, maximum: int = 10, now: float = 0.0) -> Window:
    window = Window(initial, maximum)
    for answer in answers:
        ANSWERS[answer](window, now)
    return window


@pytest.mark.parametrize(
    "answers, initial, limit, dead",
    [
        ("", 2, 2, False),
        ("t", 2, 2, False),  # half of a cohort
        ("ttt", 2, 3, False),
        ("t" * 8, 2, 4, False),
        ("t" * 500, 2, 10, False),  # never above the most
        ("", 10, 10, False),
        ("b", 10, 9, False),
        ("b" * 50, 10, 1, False),  # broken sessions alone kill no site, and one is always tried
        ("f", 2, 1, False),
        ("ff", 2, 1, True),  # a cohort of failures
        ("ftf", 2, 1, False),  # one success between is enough
        ("f" * 9, 10, 9, False),
        ("f" * 10, 10, 1, True),
        ("d", 10, 1, True),
        ("fft", 2, 2, False),  # alive again, from the beginning
        ("dt", 10, 10, False),
        ("dtttttt", 2, 3, False),
        ("c", 10, 9, False),
        ("ccccc", 10, 5, False),
        ("c" * 50, 10, 1, False),
        ("c" + "t" * 500, 10, 9, False),  # held where it was too much
    ],
)
def test_the_window_follows_the_answers(answers: str, initial: int, limit: int, dead: bool) -> None:
    window = after(answers, initial)
    assert (window.limit, window.dead) == (limit, dead)


def test_after_a_minute_it_may_try_again_for_more() -> None:
    window = after("c" + "t" * 100, initial=10)
    for _ in range(100):
        window.took(HELD_SECONDS + 1)
    assert window.limit == 10


@pytest.mark.parametrize("share, low, high", [(0.0, 10, 10), (0.1, 9, 10), (0.9, 1, 2)])
def test_it_follows_the_share_of_failures(share: float, low: int, high: int) -> None:
    one_round = "b" * round(share * 10) + "t" * round((1 - share) * 10)
    assert low <= after(one_round * 100).limit <= high


@given(st.text("tbfcd", max_size=200), st.integers(1, 20), st.integers(1, 20))
def test_there_is_always_a_session_and_never_too_many(answers: str, initial: int, maximum: int) -> None:
    window = after(answers, initial, maximum)
    assert 1 <= window.limit <= maximum
    assert window.limit == 1 or not window.dead


@given(st.text("tbfcd", max_size=100))
def test_success_always_brings_it_back(answers: str) -> None:
    window = after(answers)
    for second in range(300):
        window.took(HELD_SECONDS + second)
    assert (window.limit, window.dead) == (10, False)
