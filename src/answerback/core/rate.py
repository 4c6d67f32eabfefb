"""How often somebody did something in the period under way.

Policy: counted in the memory of each process, in whole periods: nothing is written. It keeps one caller from taking
what is everybody's; it is no account to be settled exactly.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from answerback.core import clock


@dataclass(frozen=True)
class Allowance:
    """What is left of this period. Negative: this one is one too many."""

    limit: int
    left: int
    resets_in: int  # seconds


class Counter:
    """What each caller did in the period under way."""

    def __init__(self, period: int) -> None:
        self._period = period  # seconds
        self._lock = threading.Lock()
        self._current = 0
        self._counts: dict[str, int] = {}

    def count(self, who: str, limit: int) -> Allowance:
        now = int(clock.now().timestamp())
        with self._lock:
            if self._current != now // self._period:
                self._current, self._counts = now // self._period, {}
            self._counts[who] = used = self._counts.get(who, 0) + 1
        return Allowance(limit, limit - used, self._period - now % self._period)
