"""The deliveries to one destination that this process has claimed, and how many sessions may carry them.

Policy: a relay of ours gets all its sessions at once. A stranger's server gets one or two, and one more with every mail
it takes; where it cannot be reached, one, and what was waiting for it shares its fate, so that a dead destination costs
one time-out and not one for each mail. Mail goes in small batches while answers are slow and in larger ones while they
are quick, and what waits is shared among the sessions: one that hangs keeps few others waiting.
"""

from __future__ import annotations

import math
from collections import deque

from answerback.outbound.claims import Claim
from mailroom.report import DeliveryReport, Scope
from mailroom.smtp.route import Relay, Route
from mailroom.smtp.trouble import BEFORE_MAIL

BATCH_MAX = 20  # mails
BATCH_BYTES = 4 * 2**20
QUICK = 0.5  # seconds for a batch
_FIRST_SESSIONS = 2


class Line:
    """Waiting claims, and the state of the traffic."""

    def __init__(self, destination: str, route: Route, sessions_max: int) -> None:
        self.destination = destination
        self.route = route
        self.waiting: deque[Claim] = deque()
        self.sessions = 0
        self.carried = 0  # claims that sessions have in hand
        self.sessions_max = sessions_max
        self.sessions_allowed = sessions_max if isinstance(route, Relay) else min(_FIRST_SESSIONS, sessions_max)
        self.batch = 1
        self.size_limit = -1  # what the server last announced, as far as it is noted

    @property
    def final(self) -> bool:
        """Whether who takes the mail here is the recipient's own server."""
        return not isinstance(self.route, Relay)

    @property
    def idle(self) -> bool:
        return not (self.waiting or self.sessions or self.carried)

    @property
    def wants_session(self) -> bool:
        """Where more waits than the sessions there are will take at once."""
        return bool(self.waiting) and self.sessions < min(self.sessions_allowed, self.carried + len(self.waiting))

    def room(self) -> int:
        """How many more claims are worth having in hand. Few are not worth a commit while others still wait."""
        wanted = self.sessions_allowed * (2 * self.batch + 1) - len(self.waiting) - self.carried
        enough = len(self.waiting) >= self.sessions_allowed
        return 0 if wanted <= 0 or (enough and wanted < BATCH_MAX) else wanted

    def take(self) -> list[Claim]:
        """The next batch for a session."""
        share = math.ceil(len(self.waiting) / self.sessions_allowed)
        batch: list[Claim] = []
        octets = 0
        while self.waiting and len(batch) < min(self.batch, share) and (not batch or octets < BATCH_BYTES):
            batch.append(self.waiting.popleft())
            octets += batch[-1].size
        return batch

    def timed(self, seconds: float) -> None:
        """A batch took so long."""
        self.batch = min(BATCH_MAX, self.batch * 2) if seconds < QUICK else 1

    def learn(self, report: DeliveryReport) -> list[Claim]:
        """What a report says about the destination. Gives the claims that need not be tried now."""
        if not self._is_down(report):
            self.sessions_allowed = min(self.sessions_max, self.sessions_allowed + 1)
            return []
        self.sessions_allowed = 1
        self.batch = 1
        spared = list(self.waiting)
        self.waiting.clear()
        return spared

    @staticmethod
    def _is_down(report: DeliveryReport) -> bool:
        return report.scope is Scope.SITE and (report.ours or (report.stage in BEFORE_MAIL and not report.permanent))
