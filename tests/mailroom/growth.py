"""Whether work grows with its input and no faster. Never seconds: machines are slow, and busy."""

from __future__ import annotations

import time
from collections.abc import Callable

SMALL, LARGE = 125_000, 1_000_000  # characters
TOO_LITTLE = 0.02  # seconds, below which a measurement says nothing


def assert_costs_its_share(work: Callable[[str], object], unit: str) -> None:
    """Eight times the text may take eight times as long; sixteen leaves room for other work of the machine."""
    small, large = (unit * (size // len(unit)) for size in (SMALL, LARGE))
    took = max(min(_seconds(work, small) for _ in range(3)), TOO_LITTLE)
    assert min(_seconds(work, large) for _ in range(2)) < 16 * took


def _seconds(work: Callable[[str], object], text: str) -> float:
    started = time.process_time()
    work(text)
    return time.process_time() - started
