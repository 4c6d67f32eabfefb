"""Many envelopes to one destination, over as few connections as needed: one report for each.

The policy, in prose:

* The connection is opened on demand, kept for the next call, and opened anew where the server closes it.
* Before the final dot a host that breaks off is replaced by the next one; after it never: the mail may have arrived.
* A kept connection that the server gave up (421, closed, out of step at the next MAIL) is no failure of the mail.
* Where no host takes a session, everything waits with the reason of the host that said most. Where one session
  after the other breaks at its first MAIL or hangs, also over what becomes of a message, the rest is not tried.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Sequence

from mailroom.report import DeliveryReport, Stage
from mailroom.smtp.dialogue import Dialogue, Outcome
from mailroom.smtp.greeting import greet
from mailroom.smtp.mx import find_hosts
from mailroom.smtp.options import Options, Timeouts
from mailroom.smtp.route import Endpoint, Relay, Route
from mailroom.smtp.trouble import Fault, Trouble, accepted, report, telling
from mailroom.smtp.wire import Envelope, announced_size

__all__ = ["Envelope", "Options", "Timeouts", "Transport", "check_login"]


class Transport:
    """One connection to where `route` leads. Nothing that a server does raises."""

    def __init__(self, route: Route, options: Options | None = None) -> None:
        self._options = options or Options()
        self._route = route
        self._by_relay = isinstance(route, Relay)
        self._hosts: list[Endpoint] = []
        self._asked_last: set[Endpoint] = set()  # hosts that broke off, for as long as this object lives
        self._endpoint: Endpoint | None = None
        self._dialogue: Dialogue | None = None
        # octets of the largest message, as the last server said; 0: it named none; None: no server was there
        self.announced_size: int | None = None
        self.left_in_doubt = False  # the last `send` was broken off while `in_doubt`

    @property
    def in_doubt(self) -> bool:
        """Whether a message is complete, and what the server says of it is not known yet."""
        return self._dialogue is not None and self._dialogue.in_doubt

    async def send(self, envelopes: Sequence[Envelope]) -> AsyncGenerator[tuple[Envelope, DeliveryReport], None]:
        """Yields a report for each envelope as it becomes known.

        Leaving the iteration early breaks the connection off before any further message is complete.
        """
        pending = deque(envelopes)
        tried: dict[Endpoint, Trouble] = {}  # what hosts said about the envelope in front
        dead_sessions = unanswered = 0
        self.left_in_doubt = False
        try:
            while pending:
                if unanswered >= self._options.dead_sessions_max:
                    while pending:
                        yield pending[0], self._untried(pending.popleft())
                    break
                dialogue, troubles = await self._ready(tried)
                if dialogue is None:
                    everyone = not tried or dead_sessions >= self._options.dead_sessions_max
                    speaking = telling([*tried.values(), *troubles], self._by_relay)
                    for envelope in [pending.popleft() for _ in range(len(pending) if everyone else 1)]:
                        yield envelope, report(speaking, envelope.rcpt_to, by_relay=self._by_relay)
                    tried = {}
                    continue
                try:
                    while pending and not dialogue.over:
                        outcome = await dialogue.carry(pending[0], pending[1] if len(pending) > 1 else None)
                        tried, dead_sessions = {}, 0
                        unanswered = unanswered + 1 if _is_unanswered(outcome) else 0
                        envelope = pending.popleft()
                        yield envelope, self._report(envelope, outcome, dialogue.link.remote)
                except Trouble as trouble:
                    stale = dialogue.answered and trouble.stage is Stage.MAIL
                    if not stale:
                        self._note(trouble, tried)
                        dead_sessions += trouble.stage is Stage.MAIL or trouble.fault is Fault.TIMEOUT
        finally:
            self.left_in_doubt = self.in_doubt
            self._leave_unless_usable()

    async def open(self) -> DeliveryReport | None:
        """Connects, and logs in where the route says so; why that failed, or None."""
        dialogue, troubles = await self._ready({})
        return None if dialogue else report(telling(troubles, self._by_relay), by_relay=self._by_relay)

    async def close(self) -> None:
        """Says goodbye where somebody still listens."""
        dialogue, self._dialogue = self._dialogue, None
        if dialogue is not None:
            await dialogue.link.quit(self._options.timeouts.quit)

    async def _ready(self, avoid: dict[Endpoint, Trouble]) -> tuple[Dialogue | None, list[Trouble]]:
        """The open session, or a new one with a host outside of `avoid`, or why no host took one."""
        self._leave_unless_usable()
        if self._dialogue is not None:
            return self._dialogue, []
        troubles: list[Trouble] = []
        try:
            if not avoid:
                self._hosts = await find_hosts(self._route, self._options)
        except Trouble as trouble:
            return None, [trouble]
        for endpoint in sorted((host for host in self._hosts if host not in avoid), key=self._asked_last.__contains__):
            try:
                link, capabilities = await greet(endpoint, self._options)
            except Trouble as trouble:
                troubles.append(trouble)
                self._asked_last.add(endpoint)
                continue
            self._endpoint, self._dialogue = endpoint, Dialogue(link, capabilities, self._options)
            self.announced_size = announced_size(capabilities)
            return self._dialogue, []
        return None, troubles

    def _leave_unless_usable(self) -> None:
        if self._dialogue is not None and not self._dialogue.usable:
            self._dialogue.link.abort()
            self._dialogue = None

    def _note(self, trouble: Trouble, tried: dict[Endpoint, Trouble]) -> None:
        """The present host has broken off over the envelope in front."""
        if self._endpoint is not None:
            tried[self._endpoint] = trouble
            self._asked_last.add(self._endpoint)

    def _untried(self, envelope: Envelope) -> DeliveryReport:
        """Nothing was said of messages before it: each would wait as long as they did."""
        remote, detail = str(self._endpoint or ""), "nor to the messages before this one, which was not tried"
        trouble = Trouble(Stage.MAIL, fault=Fault.TIMEOUT, detail=detail, remote=remote)
        return report(trouble, envelope.rcpt_to, by_relay=self._by_relay)

    def _report(self, envelope: Envelope, outcome: Outcome, remote: str) -> DeliveryReport:
        if isinstance(outcome, Trouble):
            return report(outcome, envelope.rcpt_to, by_relay=self._by_relay)
        return accepted(outcome, envelope.rcpt_to, remote)


def _is_unanswered(outcome: Outcome) -> bool:
    return isinstance(outcome, Trouble) and outcome.fault is Fault.TIMEOUT


async def check_login(route: Route, options: Options | None = None) -> DeliveryReport | None:
    """Whether the route takes a session of ours, login included: None, or what stands in the way."""
    transport = Transport(route, options)
    problem = await transport.open()
    await transport.close()
    return problem
