"""When a destination does worse than it usually does. Pure arithmetic over shares and seconds.

Policy: a destination is compared with its own past week. It fails where the share of refusals in the last half hour is
well above its usual share, and there are enough of them to say so (where it has no past yet, where nearly all are
refusals); its queue is old where mail has been due for longer
than ten minutes and several times longer than usual. The bar is set when an alarm begins and stays until it ends, so
that a lasting trouble does not become the usual; it ends only half way down from the bar, so that it does not flap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

SLOT = timedelta(minutes=5)
WINDOW = 6  # slots that are "now"
PAST = timedelta(days=7)
CONFIRMED_AFTER = timedelta(minutes=2)  # what is over by then is told to nobody

LEAST_REFUSED = 10
LEAST_PAST = 30  # answers, or the past says nothing
BEGINS_UNKNOWN = 0.8
ABOVE_USUAL = 0.25
LEAST_OLD = 600.0  # seconds
TIMES_AS_OLD = 3
LEAST_TROUBLE = 300.0


@dataclass(frozen=True, slots=True)
class Answers:
    """What servers said: mails they took, and refusals, those reported later included."""

    taken: int = 0
    refused: int = 0

    @property
    def count(self) -> int:
        return self.taken + self.refused

    @property
    def share(self) -> float:
        """Of refusals; 0 where nothing was said."""
        return self.refused / self.count if self.count else 0.0


@dataclass(frozen=True, slots=True)
class Bar:
    """What is usual, None where that is not known, and from where on it is an alarm."""

    usual: float | None
    begins: float

    @property
    def ends(self) -> float:
        return ((self.usual or 0.0) + self.begins) / 2

    def is_over(self, measured: float, alarmed: bool) -> bool:
        return measured >= (self.ends if alarmed else self.begins)


def usual_share(past: Answers) -> float | None:
    return past.share if past.count >= LEAST_PAST else None


def failing_bar(usual: float | None) -> Bar:
    if usual is None:
        return Bar(None, BEGINS_UNKNOWN)
    return Bar(usual, min(1.0, max(usual + ABOVE_USUAL, 2 * usual)))


def is_failing(bar: Bar, recent: Answers, alarmed: bool) -> bool:
    return (alarmed or recent.refused >= LEAST_REFUSED) and bar.is_over(recent.share, alarmed)


def usual_age(past: Sequence[float]) -> float:
    """Seconds: nine of ten looks found the oldest due mail no older than that."""
    return sorted(past)[len(past) * 9 // 10] if past else 0.0


def old_bar(usual: float) -> Bar:
    return Bar(usual, max(LEAST_OLD, TIMES_AS_OLD * usual))


def trouble_bar() -> Bar:
    """A fault of ours is never usual."""
    return Bar(0.0, LEAST_TROUBLE)
