"""The engine: takes waiting deliveries, carries them to their next hop, notes what was said.

Policy (docs/concerns/claiming.md): never a transaction while SMTP is spoken. The claim is written with the intention to
try, the outcome after it, both in groups. Whoever owns a lease writes the outcome, and only with its attempt number;
leases are renewed while we live. When outcomes cannot be stored, every session is broken off before another message is
complete, and all goes on by itself once they can. A lane in trouble by a fault of ours is probed with one delivery at a
time.

Destinations take turns and have sessions of their own, so that none delays another. Sessions that wait for a server
that says nothing take no place from those that work, up to STUCK_MAX; nor does mail for such servers.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
from collections.abc import Iterable, Sequence
from contextlib import aclosing, suppress
from datetime import timedelta
from itertools import cycle

from django.conf import settings
from django.db import Error

from answerback.core import clock
from answerback.core.db import DatabaseThread, is_in_trouble
from answerback.outbound import claims, destinations, envelopes, lanes, lifecycle, owners, traffic
from answerback.outbound.claims import Claim, Lease
from answerback.outbound.concurrency import Window
from answerback.outbound.lines import Lesson, Line, Session, window_of
from answerback.outbound.models import Lane
from answerback.outbound.recorder import Recorder
from answerback.outbound.told import Outcome
from answerback.outbound.traffic import Refusal, Use
from mailroom.address import ascii_domain
from mailroom.report import Action, DeliveryReport, Scope, Source, Stage
from mailroom.smtp.options import Options, Timeouts
from mailroom.smtp.route import Route
from mailroom.smtp.session import Envelope, Transport

log = logging.getLogger(__name__)

POLL_SECONDS = 1.0  # the net below wake-ups
IDLE_SECONDS = 2.0  # how long a session waits for more mail
STOP_SECONDS = 5.0  # how long sessions may take to come to an end
CLAIM_SECONDS = 1.0  # the same for a claim under way
STORE_SECONDS = 2.0
NOTE_SECONDS = 2.0  # how often we tell what we do, where that has changed
CLAIM_GAP = 0.05  # seconds between two looks at the queue while mail is in hand, and much of it comes
GAP_A_MAIL = 0.002  # seconds for each mail that the last look brought: where little comes, none waits for others
IDLE_LOOK_SECONDS = 0.05  # between two looks where the end of all mail is waited for
CLAIM_LEAST = 100  # fewer are not worth a commit where more are wanted
IN_HAND_MAX = 2000  # for servers that answer, and as many again for those that do not
STUCK_MAX = 200
READERS_MAX = 4  # threads that read and sign: each has a connection to the database
WINDOWS_KEPT = 1000


class Engine:
    """One per worker process. `run` it in an event loop; `wake` it when there may be something to send."""

    def __init__(self) -> None:
        self.owner = owners.this_process()
        self._database = DatabaseThread("outbox")
        readers = min(os.cpu_count() or 1, READERS_MAX)
        self._readers = [DatabaseThread(f"outbox-read-{number}") for number in range(readers)]
        self._reader = cycle(self._readers)
        self._at_work = 0  # sessions that have mail under way
        self._slow = 0  # of these, when the queue was last looked at
        self._recorder = Recorder(self._database, self._forget, lambda: self._at_work - self._slow)
        self._options = client_options()
        self._lines: dict[str, Line] = {}
        self._windows: dict[str, Window] = {}  # of destinations without mail under way: what was learnt last
        self._silent: set[Line] = set()
        self._in_hand = {True: 0, False: 0}
        self._stopwatch = clock.Stopwatch()
        self._good_until: dict[Lease, float] = {}  # of the stopwatch: up to then it is certainly ours
        self._unbegun: set[Lease] = set()  # to be given back
        self._granting: asyncio.Future[claims.Round] | None = None  # a claim that the database has not answered yet
        self._sessions: dict[asyncio.Task[None], Transport] = {}
        self._wake = asyncio.Event()
        self._refusals: dict[str, Refusal] = {}  # the last of each destination, to be noted
        self._unsure = False  # a look failed, and may have claimed what we do not know of
        self._full = False  # the last look left mail behind because enough was in hand
        self._held_back: float | None = None  # seconds until a rate limit allows more
        self._stopping = False

    def wake(self) -> None:
        self._wake.set()

    @property
    def healthy(self) -> bool:
        """Whether outcomes can be stored."""
        return self._recorder.healthy.is_set()

    async def run(self, stop: asyncio.Event, once: bool = False) -> None:
        """Send until `stop`, or with `once` until nothing is due; then come to a clean end within ten seconds."""
        helpers = [
            asyncio.create_task(self._recorder.run()),
            asyncio.create_task(self._renew_leases()),
            asyncio.create_task(self._break_off_when_sick()),
            asyncio.create_task(self._tell_traffic()),
        ]
        claiming = asyncio.create_task(self._claim_all(once))
        stopped = asyncio.create_task(_until(stop))
        try:
            await asyncio.wait([claiming, stopped, *helpers], return_when=asyncio.FIRST_COMPLETED)
        finally:
            await self._stop(claiming, helpers)
            await _end([stopped])
        for task in [claiming, *helpers]:
            if not task.cancelled() and (error := task.exception()):
                raise error

    # Claiming

    async def _claim_all(self, once: bool) -> None:
        while not await self._is_started():
            await asyncio.sleep(POLL_SECONDS)
        await (self._claim_until_idle() if once else self._claim_forever())

    async def _is_started(self) -> bool:
        try:
            batches = destinations.relabel_by_batches()  # so many that a stop need not wait for all of them
            while await self._database.run(next, batches, None) is not None:
                pass
            await self._database.run(lanes.take_over_settings)
            await self._database.run(claims.recover_from_the_dead)
        except Error as error:
            if not is_in_trouble(error):
                raise
            log.warning("mail cannot be sent for now: %s", error)
            return False
        return True

    async def _claim_forever(self) -> None:
        while not self._stopping:
            found = await self._claim_all_round()
            if self._good_until:
                await asyncio.sleep(min(CLAIM_GAP, (1 + found) * GAP_A_MAIL))
            await self._wait_for_a_reason(POLL_SECONDS if self._held_back is None else self._held_back)

    async def _claim_until_idle(self) -> None:
        while not self._stopping:
            found = await self._claim_all_round()
            if not (found or self._good_until) and self._recorder.idle:
                return
            await self._wait_for_a_reason(IDLE_LOOK_SECONDS)

    async def _claim_all_round(self) -> int:
        """Look at all destinations, some at a time. Gives how many mails they had for us."""
        found, after, self._full = 0, None, False
        while after != "" and not self._stopping:
            await self._recorder.healthy.wait()
            self._wake.clear()
            some, after = await self._claim(after or "")
            found += some
        return found

    async def _wait_for_a_reason(self, seconds: float) -> None:
        """A look at the queue costs as much as many mails, so there is none without the prospect of something."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), min(seconds, POLL_SECONDS))

    async def _claim(self, after: str) -> tuple[int, str]:
        """One look at the queue. Gives how many mails it brought, and where the next look begins."""
        self._count_in_hand()
        try:
            await self._give_back()
            good_until = self._stopwatch.seconds() + settings.LEASE
            found = await self._take(after)
        except Error as error:
            log.warning("the queue cannot be read: %s", error)
            self._unsure = True
            await asyncio.sleep(POLL_SECONDS)
            return 0, ""
        self._held_back = found.wait.total_seconds() if found.wait else None
        for claim in found.claims:
            self._good_until[claim.lease] = good_until
            self._line(claim.destination).waiting.append(claim)
        self._staff()
        return len(found.claims), found.after

    async def _take(self, after: str) -> claims.Round:
        """Who is stopped meanwhile does not stop the database: what it grants then is put down by `_stop`."""
        self._granting = asyncio.ensure_future(self._database.run(claims.take, self.owner, after, self._room))
        found = await asyncio.shield(self._granting)
        self._granting = None
        return found

    def _room(self, destination: str, lane: Lane | None) -> int:
        """How many deliveries to claim for a destination. Called from the database thread."""
        route = destinations.route()
        if route is None or not destinations.is_current(destination) or (lane and lane.paused_at):
            return 0
        line = self._lines.get(destination)
        if lane and lane.trouble_since:
            probe_at = lane.updated_at + timedelta(seconds=lanes.probe_delay(lane.trouble_since, lane.updated_at))
            return 1 if (line is None or line.idle) and clock.now() >= probe_at else 0
        room = (line or self._new_line(destination, route)).room()
        if rate := lanes.rate_of(destination, lane):  # not counted now and sent later
            room = min(room, rate.burst - (line.in_hand if line else 0))
        left = IN_HAND_MAX - self._in_hand[line in self._silent]
        if left >= room:
            return room
        self._full = True
        return left if left >= CLAIM_LEAST else 0

    def _count_in_hand(self) -> None:
        """What is claimed for servers that answer, and for silent ones: they take no room from each other."""
        now = asyncio.get_running_loop().time()
        self._silent = {line for line in self._lines.values() if line.is_silent(now)}
        silent = sum(line.in_hand for line in self._silent)
        self._in_hand = {True: silent, False: len(self._good_until) - silent}
        self._slow = sum(session.is_slow(now) for line in self._lines.values() for session in line.sessions)

    def _line(self, destination: str) -> Line:
        """A new line where there is none. The route is that of today's settings."""
        if destination not in self._lines:
            route = destinations.route()
            if route is None:
                raise RuntimeError("claimed without a route")
            self._lines[destination] = self._new_line(destination, route)
            self._windows.pop(destination, None)
        return self._lines[destination]

    def _new_line(self, destination: str, route: Route) -> Line:
        to = route.to(destination)
        return Line(destination, to, self._windows.get(destination) or window_of(to, settings.SESSIONS_PER_DESTINATION))

    def _put_away_idle(self) -> None:
        """Lines without mail go, what they have learnt stays for a while."""
        for line in [line for line in self._lines.values() if line.idle]:
            self._windows[line.destination] = self._lines.pop(line.destination).window
        while len(self._windows) > WINDOWS_KEPT:
            del self._windows[next(iter(self._windows))]

    # Sessions

    def _staff(self) -> None:
        """Open sessions where claims wait, one line after the other, as long as there may be more."""
        self._put_away_idle()
        for line in self._lines.values():
            line.call_to_work()
        now = asyncio.get_running_loop().time()
        wanting = [line for line in self._lines.values() if line.wants_session(now)]
        while wanting and (places := self._places()) > 0 and self.healthy and not self._stopping:
            for line in wanting[:places]:
                transport = Transport(line.route, self._options)
                task = asyncio.create_task(self._session(line, line.open_session(), transport))
                self._sessions[task] = transport
                task.add_done_callback(self._has_ended)
            wanting = [line for line in wanting if line.wants_session(now)]
        self._send_home(len(wanting))

    def _places(self) -> int:
        """How many more sessions there may be."""
        now = asyncio.get_running_loop().time()
        stuck = sum(session.is_stuck(now) for line in self._lines.values() for session in line.sessions)
        return settings.SESSIONS_MAX + min(stuck, STUCK_MAX) - len(self._sessions)

    async def _session(self, line: Line, session: Session, transport: Transport) -> None:
        """One connection, as long as there is something to carry."""
        try:
            while batch := await self._next_batch(line):
                line.carried += len(batch)
                try:
                    await self._carry(line, session, transport, batch)
                finally:
                    self._ends(session)
                    line.carried -= len(batch)
                await self._note_size(line, transport.announced_size)
                if self._full or line.wants_more(asyncio.get_running_loop().time()):
                    self._wake.set()
        finally:
            line.sessions.discard(session)
            await transport.close()

    def _has_ended(self, task: asyncio.Task[None]) -> None:
        """Its place is free for another."""
        del self._sessions[task]
        self._wake.set()

    def _ends(self, session: Session) -> None:
        if session.waits_since is not None:
            session.ends()
            self._at_work -= 1
            self._recorder.look()

    async def _note_size(self, line: Line, size: int | None) -> None:
        """Only where it has changed, and only for the composer: that it cannot be noted stops no mail."""
        if size is None or size == line.size_limit:
            return
        line.size_limit = size
        with suppress(Error):
            await self._database.run(lanes.note_size, line.destination, size)

    async def _next_batch(self, line: Line) -> list[Claim]:
        """What to carry next; nothing where none came for a while, or others need the place more."""
        if line.has_too_many_sessions:
            return []
        deadline = asyncio.get_running_loop().time() + IDLE_SECONDS
        while not line.waiting:
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0 or self._stopping or self._places() <= 0:
                return []
            await self._rest(line, left)
        return line.take() if self.healthy and not self._stopping else []

    async def _rest(self, line: Line, seconds: float) -> None:
        """Until somebody calls, but not for longer."""
        called: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.resting.append(called)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await called
        if called in line.resting:
            line.resting.remove(called)

    def _send_home(self, places: int) -> None:
        """Sessions that rest make room for others."""
        for line in self._lines.values():
            while places > 0 and line.call():
                places -= 1

    async def _carry(self, line: Line, session: Session, transport: Transport, batch: Sequence[Claim]) -> None:
        """Send one batch, and note each outcome as it comes."""
        left = {claim.delivery_id: claim for claim in batch if self._still_ours(claim)}
        try:
            loaded = await self._load_all(line, left)
            self._put_down([left.pop(gone) for gone in left.keys() - {envelope.id for envelope in loaded}])
            began = asyncio.get_running_loop().time()
            session.begins(began)
            self._at_work += 1
            async with aclosing(transport.send(loaded)) as outcomes:
                async for envelope, report in outcomes:
                    await self._hear(line, session, left.pop(envelope.id), report)
                    if left and not (self.healthy and self._still_ours(next(iter(left.values())))):
                        break  # before the next message is complete
            line.timed(asyncio.get_running_loop().time() - began)
            self._put_down(left.values())
        except asyncio.CancelledError:
            self._break_off(line, list(left.values()), transport.left_in_doubt)
            raise
        except Error as error:
            log.warning("mail cannot be read from the queue: %s", error)
            self._put_down(left.values())
            await asyncio.sleep(POLL_SECONDS)
        except Exception as error:  # a bug of ours, perhaps about one message: it must not stop the queue
            log.exception("deliveries %s could not be carried", list(left))
            for claim in left.values():
                self._conclude(line, claim, _internal_error(claim, error))

    async def _load_all(self, line: Line, left: dict[int, Claim]) -> list[Envelope]:
        """Where something is wrong with one of them, it keeps no other from leaving; it is told, and not `left`."""
        try:
            return await self._load(list(left))
        except Exception as error:
            if is_in_trouble(error):
                raise
        loaded: list[Envelope] = []
        for claim in list(left.values()):
            try:
                loaded += await self._load([claim.delivery_id])
            except Exception as error:
                if is_in_trouble(error):
                    raise
                log.exception("delivery %s cannot be made ready to be sent", claim.delivery_id)
                self._conclude(line, left.pop(claim.delivery_id), _internal_error(claim, error))
        return loaded

    async def _load(self, delivery_ids: Sequence[int]) -> list[Envelope]:
        """Signing with RSA takes longer than all the rest, but lets other threads work meanwhile: they take turns."""
        return await next(self._reader).run(envelopes.load, delivery_ids)

    async def _hear(self, line: Line, session: Session, claim: Claim, report: DeliveryReport) -> None:
        """A session tells what became of a claim, and thereby something of its destination; until that is stored."""
        if report.action is Action.FAILED:
            self._refusals[line.destination] = Refusal(report, clock.now())
        lesson = line.learn(session, report, asyncio.get_running_loop().time())
        if lesson is Lesson.CROWDED:
            self._put_down([claim])
            return
        settled = self._conclude(line, claim, report)
        for spared in line.give_up_waiting() if lesson is Lesson.DEAD else ():
            if report.ours:
                self._put_down([spared])
            else:
                self._conclude(line, spared, report._replace(recipient=spared.recipient))
        await settled

    def _conclude(self, line: Line, claim: Claim, report: DeliveryReport) -> asyncio.Future[None]:
        final = line.final and report.action is not Action.FAILED
        outcome = Outcome(claim.delivery_id, report, self.owner, claim.attempt, next_hop_is_final=final)
        return self._recorder.add(outcome)

    def _break_off(self, line: Line, left: list[Claim], in_doubt: bool) -> None:
        """The session ended in the middle. `in_doubt`: the message in front was complete, its answer was not heard."""
        if in_doubt:
            front = left.pop(0)
            self._conclude(line, front, _broken_off(front))
        self._put_down(left)

    def _put_down(self, unbegun: Iterable[Claim]) -> None:
        """To be given back; what is somebody else's by now, or gone, is then only forgotten."""
        self._unbegun.update(claim.lease for claim in unbegun)

    def _still_ours(self, claim: Claim) -> bool:
        """Not where this process, or its machine, slept past its lease: somebody else may be sending it."""
        if self._good_until.get(claim.lease, 0) > self._stopwatch.seconds():
            return True
        self._forget([claim.lease])
        return False

    # Leases, and what is given back

    def _forget(self, leases: Iterable[Lease]) -> None:
        for lease in leases:
            self._good_until.pop(lease, None)
        if not self._good_until:
            self._wake.set()

    async def _renew_leases(self) -> None:
        while True:
            await asyncio.sleep(settings.LEASE / 3)
            asked = set(self._good_until)
            good_until = self._stopwatch.seconds() + settings.LEASE
            try:
                ours = await self._database.run(claims.renew, self.owner, asked)
            except Error as error:
                log.warning("leases cannot be renewed: %s", error)
                continue
            self._good_until.update(dict.fromkeys(ours & set(self._good_until), good_until))
            for lost in (asked - ours) & set(self._good_until):
                self._good_until[lost] = -math.inf

    async def _give_back(self) -> None:
        if self._unsure:
            await self._database.run(claims.give_back_unheard, self.owner, set(self._good_until))
            self._unsure = False
        if self._unbegun:
            given, self._unbegun = self._unbegun, set()
            try:  # of one delivery the last attempt counts
                await self._database.run(lifecycle.give_back, dict(sorted(given)), self.owner)
            except (Error, asyncio.CancelledError):
                self._unbegun |= given
                raise
            self._forget(given)

    # What others see of us

    async def _tell_traffic(self) -> None:
        told: dict[str, Use] = {}
        told_at = -math.inf
        while True:
            await asyncio.sleep(NOTE_SECONDS)
            now = asyncio.get_running_loop().time()
            uses = self._uses(now)
            if uses != told or self._refusals or now - told_at > traffic.STALE.total_seconds() / 3:
                told, told_at = uses, now
                await self._note_traffic(uses)

    def _uses(self, now: float) -> dict[str, Use]:
        return {
            line.destination: Use(len(line.sessions), line.window.limit, line.is_silent(now))
            for line in self._lines.values()
            if line.sessions
        }

    async def _note_traffic(self, uses: dict[str, Use]) -> None:
        """That it cannot be noted stops no mail."""
        refusals, self._refusals = self._refusals, {}
        try:
            await self._database.run(traffic.note, self.owner, uses, refusals)
        except Error:
            self._refusals = refusals | self._refusals

    # Ends

    async def _break_off_when_sick(self) -> None:
        """What cannot be noted must not be done: end every session before another message is complete.

        Who has completed one hears what becomes of it: that is noted later, instead of a second copy sent.
        """
        while True:
            await self._recorder.sick.wait()
            hearing = [task for task, transport in self._sessions.items() if transport.in_doubt]
            await _end([task for task in self._sessions if task not in hearing])
            self._put_down_waiting()
            if hearing:
                await asyncio.wait(hearing, timeout=STOP_SECONDS)
            if not self.healthy:
                await _end(hearing)
            await self._recorder.healthy.wait()

    def _put_down_waiting(self) -> None:
        for line in self._lines.values():
            self._put_down(line.waiting)
            line.waiting.clear()

    async def _stop(self, claiming: asyncio.Task[None], helpers: list[asyncio.Task[None]]) -> None:
        """Let sessions finish their batch, give back what was not begun, store what was said."""
        self._stopping = True
        self._wake.set()
        self._send_home(len(self._sessions))
        # not cancelled while the database may be granting a claim that nobody would know of
        await asyncio.wait([claiming], timeout=CLAIM_SECONDS)
        await _end([claiming])
        self._put_down_waiting()
        if self._sessions:
            await asyncio.wait(list(self._sessions), timeout=STOP_SECONDS)
        await _end(list(self._sessions))
        await self._put_down_granted()
        if not await self._recorder.drain(STORE_SECONDS):
            log.error("not all outcomes could be stored; these deliveries will be sent again")
        with suppress(Error):
            await self._give_back()
        await _end(helpers)
        await self._note_traffic({})
        for thread in (self._database, *self._readers):
            await thread.close()

    async def _put_down_granted(self) -> None:
        """What a claim brings that nobody waits for. Nothing else can be stored before it is over."""
        if self._granting is not None:
            await asyncio.wait([self._granting])
            if self._granting.exception() is None:
                self._put_down(self._granting.result().claims)


def client_options() -> Options:
    """Our SMTP client as the settings want it."""
    return Options(
        timeouts=Timeouts(**settings.SMTP_TIMEOUTS),
        helo_name=ascii_domain(settings.MAIL_DOMAIN) or settings.MAIL_DOMAIN,
        resolver=settings.RESOLVER,
        policy_port=settings.MTA_STS_PORT,
    )


def _broken_off(claim: Claim) -> DeliveryReport:
    return DeliveryReport(
        claim.recipient,
        Action.FAILED,
        source=Source.CLIENT,
        scope=Scope.SESSION,
        stage=Stage.DOT,
        ambiguous=True,
        diagnostic="we broke the session off",
    )


def _internal_error(claim: Claim, error: Exception) -> DeliveryReport:
    return DeliveryReport(
        claim.recipient,
        Action.FAILED,
        source=Source.CLIENT,
        scope=Scope.MESSAGE,
        ours=True,
        diagnostic=f"internal error: {type(error).__name__}",
    )


async def _until(event: asyncio.Event) -> None:
    await event.wait()


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
