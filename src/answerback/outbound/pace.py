"""How fast a destination may be sent to, where somebody limits it. Pure arithmetic; time is a parameter.

Policy: a limit of N messages in a time holds for every stretch of that time, wherever it begins, as providers count.
One moment per destination is all that is kept: until when the messages already taken have used the limit up (the
generic cell rate algorithm). A tenth of N may go at once, so that an answer after a quiet hour does not wait; the rest
is spread, a little slower than N, so that both together never pass it.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
MOST = 1_000_000
_RATE = re.compile(r"\s*(\d{1,7})\s*/\s*(second|minute|hour|day)\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Rate:
    """So many messages in each `unit`."""

    messages: int
    unit: str

    @classmethod
    def read(cls, text: str) -> Rate:
        """`30/minute`. ValueError, fit to be shown, where it is none."""
        match = _RATE.fullmatch(text)
        if not match or not 1 <= int(match[1]) <= MOST:
            raise ValueError(f"{text!r} is no limit such as 30/minute (second, minute, hour, day)")
        return cls(int(match[1]), match[2])

    def __str__(self) -> str:
        return f"{self.messages}/{self.unit}"

    @property
    def burst(self) -> int:
        """How many may go at once."""
        return max(1, self.messages // 10)

    @property
    def interval(self) -> timedelta:
        """From one message to the next, once the burst is used up."""
        steps = self.messages - self.burst + 1
        return timedelta(microseconds=math.ceil(UNITS[self.unit] * 1_000_000 / steps))

    @property
    def per_second(self) -> float:
        return self.messages / UNITS[self.unit]

    def allowed(self, used_until: datetime | None, now: datetime) -> int:
        """How many messages may go now."""
        return int((now + self.burst * self.interval - self._since(used_until, now)) / self.interval)

    def spend(self, used_until: datetime | None, now: datetime, messages: int) -> datetime:
        """The new `used_until` once so many go."""
        return self._since(used_until, now) + messages * self.interval

    def wait(self, used_until: datetime | None, now: datetime) -> timedelta:
        """Until the next message may go."""
        return max(timedelta(0), self._since(used_until, now) - (self.burst - 1) * self.interval - now)

    def _since(self, used_until: datetime | None, now: datetime) -> datetime:
        """Later than any use can lead: the clock was set back, or the limit was lower then."""
        return min(max(used_until or now, now), now + self.burst * self.interval)
