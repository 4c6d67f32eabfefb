"""How many sessions a destination may have at once. Pure arithmetic; time comes in as seconds that only run.

Policy (the idea is Postfix's, see its SCHEDULER_README): the window begins small where we are guests, at its full width
at a relay of ours. A cohort is as many answers as the window is wide. A cohort of mails taken widens it by one session,
a cohort of failed sessions narrows it by one: each answer moves it by a share of 1/window, so that one bad answer among
many good ones does little and the window follows what the server can do.

Refused while others of our sessions are served there, or may still be, we came with one too many: the window gives it
up, and does not grow for a minute. Refused by a whole cohort without one success, the site is dead: one session probes
it, until something is taken; then the window begins anew.
"""

from __future__ import annotations

import math

DEAD_AFTER = 1.0  # failed cohorts without one success between
HELD_SECONDS = 60.0  # no growth after "too many connections"


class Window:
    """The sessions that one destination may have."""

    def __init__(self, initial: int, maximum: int) -> None:
        self._initial = min(initial, maximum)
        self._maximum = maximum
        self._width = float(self._initial)
        self._failed_cohorts = 0.0
        self._held_until = -math.inf
        self._ceiling = maximum
        self.dead = False

    @property
    def limit(self) -> int:
        return 1 if self.dead else int(self._width)

    def took(self, now: float) -> None:
        """A mail was taken, or refused for what it is: a server was there and talked."""
        self._failed_cohorts = 0.0
        if self.dead:
            self.dead, self._width = False, float(self._initial)
            return
        ceiling = self._ceiling if now < self._held_until else self._maximum
        self._width = max(self._width, min(ceiling, self._width + 1 / self._width))

    def was_crowded(self, now: float) -> None:
        """No further session came about while others are served, or wait for their answer."""
        self._width = max(1.0, float(self.limit - 1))
        self._ceiling, self._held_until = self.limit, now + HELD_SECONDS

    def broke(self) -> None:
        """A session ended in the middle of its work: perhaps for the mail's sake, so no site dies of it."""
        self._narrow()

    def failed(self) -> None:
        """No session came about, and no other has hope."""
        self._failed_cohorts += 1 / self._width
        self._narrow()
        if self._failed_cohorts >= DEAD_AFTER:
            self.die()

    def die(self) -> None:
        """One refusal is enough where it tells of all sessions, as that of a login does."""
        self.dead = True

    def _narrow(self) -> None:
        self._width = max(1.0, self._width - 1 / self._width)
