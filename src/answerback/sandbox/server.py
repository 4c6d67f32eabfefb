"""The played mail server: MX for every domain of the played internet, one customer mailbox for every address.

It does to each mail what the table of fates says, keeps what it accepts in the mailbox of the recipient, and sends
back, some seconds later, what the fate sends back. Reactions are not kept: they are lost where the demo is stopped in
these seconds, as in life.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session
from django.conf import settings

from answerback.core import clock
from answerback.sandbox import mailboxes, posting, reactions, writing
from answerback.sandbox.fates import Drop, Fate, Reaction, Stage, fate_of
from answerback.sandbox.names import ZONE, NameServer
from answerback.sandbox.reactions import Sent, Taken

OK = "250 2.0.0 OK: kept for the customer"
ANSWER = "Thank you, that was quick! / Danke, das ging schnell!"
log = logging.getLogger(__name__)


async def run(stop: asyncio.Event) -> None:
    """Play the internet, mail servers and name server, until `stop`. OSError where an address is taken."""
    names, server = NameServer(), PlayedServer()
    await names.start(*settings.SANDBOX_DNS_LISTEN)
    try:
        await server.start(*settings.SANDBOX_SMTP_LISTEN)
        await stop.wait()
    finally:
        await server.stop()
        await names.stop()


class PlayedServer:
    """One SMTP server in the running event loop."""

    def __init__(self) -> None:
        self._struck: Counter[tuple[str, str]] = Counter()  # (recipient, reverse-path): the fate of this delivery
        self._reactions: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> tuple[str, int]:
        loop = asyncio.get_running_loop()

        def session() -> SMTP:
            return SMTP(
                self,
                hostname=f"mx.{ZONE}",
                ident="ESMTP played internet",
                enable_SMTPUTF8=True,
                data_size_limit=settings.MAX_MESSAGE_SIZE,
                auth_exclude_mechanism=("LOGIN", "PLAIN"),
                loop=loop,
            )

        self._server = await loop.create_server(session, host, port)
        address: tuple[str, int] = self._server.sockets[0].getsockname()[:2]
        return address

    async def stop(self) -> None:
        if self._server:
            self._server.close()
        for task in self._reactions:
            task.cancel()
        await asyncio.gather(*self._reactions, return_exceptions=True)

    async def handle_EHLO(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [*responses[:-1], "250-ENHANCEDSTATUSCODES", "250 PIPELINING"]

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        fate = fate_of(address)
        if fate.stage == Stage.RCPT and self._strikes(fate, address, envelope):
            return self._refuse(fate, address, envelope, server)
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """One recipient decides for all of a transaction; our own engine never sends to more than one."""
        reply = OK
        for address in envelope.rcpt_tos:
            fate = fate_of(address)
            await asyncio.sleep(fate.wait)
            if fate.stage == Stage.DOT and self._strikes(fate, address, envelope):
                reply = self._refuse(fate, address, envelope, server)
            else:
                self._take(fate, address, envelope)
        return reply

    def _strikes(self, fate: Fate, address: str, envelope: Envelope) -> bool:
        """Does the fate strike this try? Tries are told apart by the reverse-path, which names one delivery."""
        key = (address.lower(), envelope.mail_from or "")
        self._struck[key] += 1
        return fate.refusals is None or self._struck[key] <= fate.refusals

    def _refuse(self, fate: Fate, address: str, envelope: Envelope, server: SMTP) -> str:
        reply = fate.reply.format(rcpt=address, domain=address.rpartition("@")[2])
        kept = envelope.original_content if fate.drop == Drop.CLOSE_KEPT else None
        mailboxes.deliver(address, _reverse_path(envelope), fate.name, reply or "(connection closed)", kept)
        if fate.drop:
            _hang_up(server)
        return reply or "421 4.3.2 closing"

    def _take(self, fate: Fate, address: str, envelope: Envelope) -> None:
        content = envelope.original_content or b""
        mail_from = _reverse_path(envelope)
        mailboxes.deliver(address, mail_from, fate.name, OK, content if fate.keeps else None)
        if fate.reaction:
            taken = Taken(address, mail_from, content, fate, clock.now())
            task = asyncio.create_task(_react(taken))
            self._reactions.add(task)
            task.add_done_callback(self._reactions.discard)


async def _react(taken: Taken) -> None:
    """Send back what the fate sends back, each thing some seconds after the one before."""
    await asyncio.sleep(settings.SANDBOX_REACTION_AFTER)
    if taken.fate.reaction == Reaction.ANSWER:
        await _safely(writing.answer, taken.recipient, taken.content, ANSWER)
        return
    for number, sent in enumerate(reactions.react(taken)):
        await asyncio.sleep(settings.SANDBOX_REACTION_AFTER * number)
        await _safely(_post, sent)


def _post(sent: Sent) -> None:
    posting.post(sent.mail_from, [sent.recipient], sent.content)


async def _safely(work: Any, *args: Any) -> None:
    try:
        await asyncio.to_thread(work, *args)
    except (OSError, posting.RefusedError) as error:
        log.warning("a played mail was not taken: %s", error)


def _reverse_path(envelope: Envelope) -> str:
    path = envelope.mail_from or ""
    return "" if path == "<>" else path


def _hang_up(server: SMTP) -> None:
    if server.transport is not None:
        server.transport.close()
