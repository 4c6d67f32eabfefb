"""Mail transactions on one connection, one recipient each.

The policy, in prose:

* Where PIPELINING is announced (RFC 2920), MAIL, RCPT and DATA go out in one write, and the write that ends a message
  also opens the next one (§3.1): one round trip a message. Only the first MAIL of a session, and one after a refused
  one, goes alone: a server that takes no mail from us should not see commands that make no sense without it. Without
  PIPELINING each command waits for its reply.
* A server that says 354 although nobody was accepted gets a lone dot, never the message.
* The first refusal of a transaction is its outcome; what follows from it (503, 554 "no valid recipients") is not.
* A session out of step is left: nothing that came unasked may become somebody's outcome.
"""

from __future__ import annotations

from collections.abc import Sequence

from mailroom.report import Stage
from mailroom.smtp.link import Link
from mailroom.smtp.options import Options
from mailroom.smtp.reply import Reply
from mailroom.smtp.trouble import Fault, Trouble
from mailroom.smtp.wire import Capabilities, Envelope, Opening, blocks, compose_opening, size_limit

Outcome = Reply | Trouble  # accepted, or not

_WANTED = {Stage.MAIL: range(200, 300), Stage.RCPT: range(200, 300), Stage.DATA: (354,), Stage.DOT: range(200, 300)}
_STALE = frozenset({421, 503})
_OPENING = (Stage.MAIL, Stage.RCPT, Stage.DATA)


class Dialogue:
    """The session on one greeted connection."""

    def __init__(self, link: Link, capabilities: Capabilities, options: Options) -> None:
        self.link = link
        self.over = False  # no other transaction comes to an outcome here
        self.answered = 0  # transactions that had an outcome here
        self.in_doubt = False  # a message is complete, and what the server says of it is not known yet
        self._capabilities = capabilities
        self._timeouts = options.timeouts
        self._size_max = size_limit(capabilities, options.max_message_size)
        self._pipelining = "PIPELINING" in capabilities
        self._waits = {
            Stage.MAIL: self._timeouts.mail,
            Stage.RCPT: self._timeouts.rcpt,
            Stage.DATA: self._timeouts.data,
        }
        self._under_way = False  # commands are out whose replies are not in
        self._opened = False  # the commands of the next envelope are among them
        self._leftover = False  # the server still holds a transaction that never came to its message
        self._mail_accepted = False

    @property
    def usable(self) -> bool:
        """Whether another transaction, or a QUIT, makes sense here."""
        return not (self.over or self._under_way or self.link.surplus)

    async def carry(self, envelope: Envelope, follower: Envelope | None) -> Outcome:
        """One transaction, and perhaps the beginning of the follower's, who is then to be carried next.

        Raises the `Trouble` that another host may heal.
        """
        opening = None if self._opened else self._opening_of(envelope)
        if isinstance(opening, Fault):
            return self.link.trouble(Stage.MAIL, opening)
        try:
            outcome = await self._transact(envelope.content, opening, follower)
        except Trouble as trouble:
            outcome = trouble
        if isinstance(outcome, Trouble):
            self.over = self.over or outcome.ends_session
            if outcome.next_host:
                raise outcome
        self.answered += 1
        return outcome

    def _opening_of(self, envelope: Envelope) -> Opening | Fault:
        return compose_opening(envelope, self._capabilities, self._size_max)

    async def _transact(self, content: bytes, opening: Opening | None, follower: Envelope | None) -> Outcome:
        """`opening`: None where it is said already."""
        if opening is not None and self.link.surplus:
            raise self.link.trouble(Stage.MAIL, Fault.LOST, "closed or out of step before MAIL")
        self._under_way, self._opened = True, False
        refusal = await self._open(opening) or await self._send_content(content, follower)
        if refusal is not None:
            self._under_way = False
            return refusal
        self.in_doubt = True  # and stays so where nobody waits for the answer any more
        try:
            reply = await self.link.reply(Stage.DOT, self._timeouts.dot)
        except Trouble:
            self.in_doubt = False
            raise
        self.in_doubt = False
        self._under_way = self._opened
        return reply if reply.code in _WANTED[Stage.DOT] else self._refusal(Stage.DOT, reply)

    # MAIL, RCPT, DATA

    async def _open(self, opening: Opening | None) -> Trouble | None:
        """Up to the 354; the refusal where it does not come to that."""
        if opening is None:
            return await self._read_opening(_OPENING, ahead=True)
        if not self._pipelining:
            return await self._open_by_steps(opening)
        if not self._mail_accepted:
            return await self._open_with_care(opening)
        commands = b"".join(opening)
        if not await self._reset(commands):
            self.link.write(commands)
        return await self._read_opening(_OPENING)

    async def _open_with_care(self, opening: Opening) -> Trouble | None:
        mail, rcpt, data = opening
        await self._reset(b"")
        reply = await self.link.ask(Stage.MAIL, mail, self._waits[Stage.MAIL])
        if reply.code not in _WANTED[Stage.MAIL]:
            return self._refusal(Stage.MAIL, reply)
        self._mail_accepted = True
        self.link.write(rcpt + data)
        return await self._read_opening(_OPENING[1:])

    async def _open_by_steps(self, opening: Opening) -> Trouble | None:
        await self._reset(b"")
        for stage, command in zip(_OPENING, opening, strict=True):
            reply = await self.link.ask(stage, command, self._waits[stage])
            if reply.code not in _WANTED[stage]:
                self._leftover = stage is not Stage.MAIL
                return self._refusal(stage, reply)
        return None

    async def _reset(self, more: bytes) -> bool:
        """Ends a transaction that the server may still hold (nested MAIL is an error); `more` is in the same write."""
        if not self._leftover:
            return False
        self._leftover = False
        reply = await self.link.ask(Stage.MAIL, b"RSET\r\n" + more, self._timeouts.mail)
        if reply.code != 250:
            raise self.link.trouble(Stage.MAIL, Fault.LOST, reply.text)
        return True

    async def _read_opening(self, stages: Sequence[Stage], ahead: bool = False) -> Trouble | None:
        """The replies to a pipelined opening; the first refusal among them.

        `ahead`: it was written before the reply to the message before it. If DATA is then answered like MAIL, or not at
        all after a refusal, something may have come unasked after that message, and the refusal is not believed.
        """
        refusal: Trouble | None = None
        last: Reply | None = None
        try:
            for stage in stages:
                last = await self.link.reply(stage, self._waits[stage])
                if last.code not in _WANTED[stage]:
                    refusal = refusal or self._refusal(stage, last)
                if last.code == 421:
                    break
        except Trouble:
            if refusal is None:
                raise
            last = None
        return refusal and await self._settle(refusal, last, ahead)

    async def _settle(self, refusal: Trouble, last: Reply | None, ahead: bool) -> Trouble:
        """What a refusal leaves behind. `last` is the last reply of its group, None where the connection was lost."""
        if last is None or (last.code < 400 and last.code != 354):
            if ahead:
                raise self.link.trouble(Stage.MAIL, Fault.GARBAGE, "replies out of step")
            self.over = True
        elif last.code == 354:
            await self._send_lone_dot()
        else:
            self._leftover = refusal.stage is not Stage.MAIL
            # QUIRK: where DATA alone is refused, an unasked reply may have shifted all later ones by one.
            self.over = refusal.stage is Stage.DATA or last.code == 421
        return refusal

    async def _send_lone_dot(self) -> None:
        """RFC 2920 §3.1: 354 without a valid recipient. The reply says nothing about anybody."""
        try:
            await self.link.ask(Stage.DOT, b".\r\n", self._timeouts.dot)
        except Trouble:
            self.over = True

    def _refusal(self, stage: Stage, reply: Reply) -> Trouble:
        if stage is Stage.MAIL:
            self._mail_accepted = False
            if self.answered and reply.code in _STALE:
                return Trouble(stage, reply=reply, fault=Fault.LOST, detail=reply.text, remote=self.link.remote)
        return self.link.refusal(stage, reply)

    # The message

    async def _send_content(self, content: bytes, follower: Envelope | None) -> Trouble | None:
        """Writes the message and the final dot; a refusal where the server speaks before it has all."""
        *front, end = blocks(content)
        if front:
            await self.link.write_blocks(front, self._timeouts.block)
        if self.link.surplus:
            self.over = True
            return self.link.refusal(Stage.BODY, await self.link.reply(Stage.BODY, self._timeouts.block))
        self.link.write(b"".join((end, b".\r\n", *self._open_ahead(follower))))
        return None

    def _open_ahead(self, follower: Envelope | None) -> Sequence[bytes]:
        """The commands that open the follower's transaction in the same write, where that may be and there is one."""
        if follower is None or not self._pipelining:
            return ()
        opening = self._opening_of(follower)
        if isinstance(opening, Fault):
            return ()
        self._opened = True
        return opening
