"""The deliveries to one destination that this process has claimed, and the sessions that carry them.

Policy: how many sessions there may be is `outbound.concurrency`'s. What waits for a dead site shares the fate of the
mail that probes it, so that a dead destination costs one time-out and not one for each mail. Mail goes in small batches
while answers are slow and in larger ones while they are quick, and what waits is shared among the sessions: one that
hangs keeps few others waiting.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Collection
from enum import Enum, auto

from answerback.outbound.claims import Claim
from answerback.outbound.concurrency import Window
from mailroom.report import Action, DeliveryReport, Scope
from mailroom.smtp.route import Relay, Route
from mailroom.smtp.trouble import BEFORE_MAIL

BATCH_MAX = 40  # mails
BATCH_SHARES = 8  # where little waits, no session takes less than this part of a batch: each costs as much as a mail
BATCH_BYTES = 2**20
QUICK = 0.5  # seconds for a batch
STUCK_AFTER = 2.0  # seconds without a word
SLOW_AFTER = 0.1  # the same: no outcome of others waits for this one to be noted with it
_FIRST_SESSIONS = 2


class Lesson(Enum):
    """What an answer means for the other mail of its destination."""

    NONE = auto()
    CROWDED = auto()  # too many sessions of ours: nothing was said about the mail, it goes back
    DEAD = auto()  # nobody is there: what waits shares its fate


class Session:
    """One session of a line. Times are seconds of the event loop's clock."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._served = False  # something got through since the session was last refused
        self.waits_since: float | None = None  # for a word of the server
        self._refusal: Lesson | None = None  # of the batch under way: its connection failed once, not for each mail

    @property
    def has_hope(self) -> bool:
        """It is served, or has not been told yet that it is not."""
        return self._served or (self.waits_since is not None and self._refusal is None)

    def begins(self, now: float) -> None:
        """A batch goes out."""
        self.waits_since, self._refusal = now, None

    def ends(self) -> None:
        self.waits_since = None

    def is_stuck(self, now: float) -> bool:
        return self._waits_longer_than(STUCK_AFTER, now)

    def is_slow(self, now: float) -> bool:
        return self._waits_longer_than(SLOW_AFTER, now)

    def _waits_longer_than(self, seconds: float, now: float) -> bool:
        return self.waits_since is not None and now - self.waits_since > seconds

    def learn(self, report: DeliveryReport, all_sessions: Collection[Session], now: float) -> Lesson:
        self.waits_since = now
        if not _is_refused(report):
            self._served, self._refusal = True, None
            if report.scope is Scope.SESSION and report.action is Action.FAILED:
                self._window.broke()
            else:
                self._window.took(now)
            return Lesson.NONE
        self._served = False
        if self._refusal is None:
            self._refusal = self._refused(report, all_sessions, now)
        return self._refusal

    def _refused(self, report: DeliveryReport, all_sessions: Collection[Session], now: float) -> Lesson:
        others_have_hope = any(other.has_hope for other in all_sessions if other is not self)
        if others_have_hope and report.stage in BEFORE_MAIL:
            self._window.was_crowded(now)
            return Lesson.CROWDED
        if report.ours:
            self._window.die()
        else:
            self._window.failed()
        return Lesson.DEAD if self._window.dead else Lesson.NONE


class Line:
    """Waiting claims, and the state of the traffic."""

    def __init__(self, destination: str, route: Route, window: Window) -> None:
        self.destination = destination
        self.route = route
        self.window = window
        self.waiting: deque[Claim] = deque()
        self.sessions: set[Session] = set()
        self.resting: list[asyncio.Future[None]] = []  # of sessions without work
        self.carried = 0  # claims that sessions have in hand
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
    def in_hand(self) -> int:
        return len(self.waiting) + self.carried

    def wants_session(self, now: float) -> bool:
        """Where more waits than the sessions there are will take at once; of those one may hang before we know it."""
        if not self.waiting or len(self.sessions) >= self.window.limit:
            return False
        stuck = sum(session.is_stuck(now) for session in self.sessions)
        return len(self.sessions) - stuck < min(self.in_hand, math.ceil(self.in_hand / self._most) + 1)

    def wants_more(self, now: float) -> bool:
        """Claims, or somebody to carry those that wait."""
        return self.room() > 0 or self.wants_session(now)

    @property
    def has_too_many_sessions(self) -> bool:
        return len(self.sessions) > self.window.limit

    def is_silent(self, now: float) -> bool:
        """Nobody answers there at present."""
        return self.window.dead or (bool(self.sessions) and all(session.is_stuck(now) for session in self.sessions))

    def open_session(self) -> Session:
        session = Session(self.window)
        self.sessions.add(session)
        return session

    def room(self) -> int:
        """How many more claims are worth having in hand: a batch for each session beside the one it carries.

        Few are not worth a commit while others still wait.
        """
        if self.window.dead:
            return max(0, BATCH_MAX - self.in_hand)
        wanted = self.window.limit * (2 * self.batch + 1) - self.in_hand
        enough = len(self.waiting) >= self.window.limit
        return 0 if wanted <= 0 or (enough and wanted < self.window.limit * self.batch / 2) else wanted

    def call_to_work(self) -> None:
        """Wake resting sessions, one for each batch that waits; who rested last is called first."""
        for _ in range(math.ceil(len(self.waiting) / self._most)):
            if not self.call():
                return

    def call(self) -> bool:
        """Wake a session that rests. False where none does."""
        while self.resting:
            called = self.resting.pop()
            if not called.done():  # it has had enough of resting, and goes
                called.set_result(None)
                return True
        return False

    @property
    def _most(self) -> int:
        """How many mails a session takes at once. A dead site is probed with one."""
        share = math.ceil(len(self.waiting) / self.window.limit)
        return 1 if self.window.dead else max(1, min(self.batch, max(share, self.batch // BATCH_SHARES)))

    def take(self) -> list[Claim]:
        """The next batch for a session."""
        most = self._most
        batch: list[Claim] = []
        octets = 0
        while self.waiting and len(batch) < most and (not batch or octets < BATCH_BYTES):
            batch.append(self.waiting.popleft())
            octets += batch[-1].size
        return batch

    def timed(self, seconds: float) -> None:
        """A batch took so long."""
        self.batch = min(BATCH_MAX, self.batch * 2) if seconds < QUICK else 1

    def learn(self, session: Session, report: DeliveryReport, now: float) -> Lesson:
        """What a report of one of the sessions says about the destination."""
        lesson = session.learn(report, self.sessions, now)
        if lesson is Lesson.DEAD:
            self.batch = 1
        return lesson

    def give_up_waiting(self) -> list[Claim]:
        """The claims that need not be tried now."""
        waiting = list(self.waiting)
        self.waiting.clear()
        return waiting


def window_of(route: Route, sessions_max: int) -> Window:
    """A relay of ours gets all its sessions at once, a stranger's server one or two to begin with."""
    return Window(sessions_max if isinstance(route, Relay) else _FIRST_SESSIONS, sessions_max)


def _is_refused(report: DeliveryReport) -> bool:
    """No session came about, or none that is of use to us: their server is down or busy, or refuses our login."""
    if report.ours and report.scope is Scope.SITE:
        return True
    return report.stage in BEFORE_MAIL and not report.permanent and report.scope in (Scope.SITE, Scope.SESSION)
