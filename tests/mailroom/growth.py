"""Whether work grows with its input and no faster. Never seconds: machines are slow, and busy."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

LARGE = 400_000  # characters
TIMES = 8  # as large as the small one
ROUNDS = 3
TOO_LITTLE = 0.02  # seconds, below which a measurement says nothing

Input = TypeVar("Input")


def assert_costs_its_share(work: Callable[[str], object], unit: str, large: int = LARGE) -> None:
    """`work` on a text of `large` characters, made of `unit`, against one of an eighth of that."""
    assert_grows_no_faster(work, *(unit * (size // len(unit)) for size in (large // TIMES, large)))


def assert_grows_no_faster(work: Callable[[Input], object], small: Input, large: Input) -> None:
    """Eight times the input may take eight times as long; sixteen leaves room for other work of the machine."""
    took = max(min(_seconds(work, small) for _ in range(ROUNDS)), TOO_LITTLE)
    assert any(_seconds(work, large) < 2 * TIMES * took for _ in range(ROUNDS))


def _seconds(work: Callable[[Input], object], given: Input) -> float:
    started = time.process_time()
    work(given)
    return time.process_time() - started
