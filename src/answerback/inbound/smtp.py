"""The SMTP and LMTP doorways: they take mail for us, store it, and only then say 250.

Policy:

* RCPT is taken for our own addresses only (`recipients`), else 550 5.1.1: never a relay.
* 250 follows the commit. Where storing fails the client hears 452 4.3.1 and keeps the message.
* Only CRLF.CRLF ends a message; a message with a bare LF is refused (SMTP smuggling). Lines may be of any length:
  RFC 5321 §4.5.3.1.6 binds senders, and real mail breaks it; the size of the message is what is limited.
* Everything a client can use up has a limit (`gate`): sessions, messages a minute, memory, recipients, time.

The message is stored as it came, without a trace field of ours: peer, HELO and envelope stand beside it.
"""

from __future__ import annotations

import asyncio
import logging
import re
import ssl
from collections.abc import Callable
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session, syntax
from django.conf import settings
from django.db import DatabaseError

from answerback.core.db import DatabaseThread
from answerback.inbound import recipients
from answerback.inbound.gate import Gate, read_networks
from answerback.inbound.storing import Storing
from answerback.store.raw import Incoming

SMTP_DOORWAY, LMTP_DOORWAY = "smtp", "lmtp"
END_OF_DATA = b"\r\n.\r\n"
CHUNK = 64 * 1024
_BARE_LF = re.compile(rb"(?<!\r)\n")
_NULL_PATH = "<>"
log = logging.getLogger(__name__)

OK = "250 2.0.0 OK"
NOT_STORED = "452 4.3.1 The message cannot be stored now, try again later"
NO_SUCH_ADDRESS = "550 5.1.1 No such address here"
TOO_MANY_RECIPIENTS = "452 4.5.3 Too many recipients, send the rest in another transaction"
TOO_MANY_SESSIONS = "421 4.7.0 Too many connections, try again later"
TOO_FAST = "450 4.7.1 Too many messages, try again in a minute"
TOO_BIG = "552 5.3.4 Message too big"
NO_ROOM = "452 4.3.1 Too much mail at once, try again later"
BARE_LF = "550 5.6.11 Bare LF in the message (RFC 5321 section 2.3.8): end lines with CRLF"
TROUBLE = "451 4.3.0 Local trouble, try again later"


class Doorway:
    """What listens in the running event loop. `storing` outlives it."""

    def __init__(self, storing: Storing) -> None:
        self._storing = storing
        self._gate = Gate(
            sessions=settings.RECEIVE_SESSIONS,
            sessions_per_peer=settings.RECEIVE_SESSIONS_PER_PEER,
            messages_per_minute=settings.RECEIVE_MESSAGES_PER_MINUTE,
            memory=max(settings.RECEIVE_MEMORY, settings.MAX_MESSAGE_SIZE),
            trusted=read_networks(settings.RECEIVE_TRUSTED),
        )
        self._database = DatabaseThread("rcpt")
        self._sessions: set[DoorwaySession] = set()
        self._servers: list[asyncio.Server] = []

    async def start(self, host: str, port: int) -> tuple[str, int]:
        """Listen; answers where (port 0 picks one). OSError where the address is taken or not ours."""
        server = await asyncio.get_running_loop().create_server(
            self._sessions_of(DoorwaySession, SMTP_DOORWAY), host, port
        )
        self._servers.append(server)
        address: tuple[str, int] = server.sockets[0].getsockname()[:2]
        return address

    async def start_lmtp(self, place: str) -> None:
        """Listen for LMTP (RFC 2033), at `host:port` or at the path of a socket. OSError."""
        loop, sessions = asyncio.get_running_loop(), self._sessions_of(LmtpSession, LMTP_DOORWAY)
        host, _, port = place.rpartition(":")
        if port.isdigit():
            self._servers.append(await loop.create_server(sessions, host.strip("[]"), int(port)))
        else:
            self._servers.append(await loop.create_unix_server(sessions, place))

    def _sessions_of(self, kind: type[DoorwaySession], name: str) -> Callable[[], DoorwaySession]:
        loop, tls = asyncio.get_running_loop(), _tls_context()
        handler = _Handler(self._storing, self._gate, self._database, name)
        return lambda: kind(handler, self._gate, self._sessions, loop, tls)

    async def stop(self) -> None:
        """Take no new sessions and end those that are open. A message under way was not acknowledged: it comes back."""
        for server in self._servers:
            server.close()
        for session in list(self._sessions):
            session.hang_up()
        for server in self._servers:
            await server.wait_closed()
        await self._database.close()


class _Handler:
    """What aiosmtpd asks during a session. A method returns the reply."""

    def __init__(self, storing: Storing, gate: Gate, database: DatabaseThread, doorway: str) -> None:
        self._storing, self._gate, self._database, self._doorway = storing, gate, database, doorway

    async def handle_EHLO(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [*responses[:-1], "250 PIPELINING"]

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if not self._gate.may_send(_host(session), asyncio.get_running_loop().time()):
            return TOO_FAST
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return OK

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if len(envelope.rcpt_tos) >= settings.MAX_RECIPIENTS:
            return TOO_MANY_RECIPIENTS
        try:
            ours = await self._database.run(recipients.is_ours, address)
        except DatabaseError as error:
            log.error("recipient could not be looked up: %s", error)
            return TROUBLE
        if not ours:
            return NO_SUCH_ADDRESS
        envelope.rcpt_tos.append(address)
        return OK

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.original_content or b""
        if _BARE_LF.search(content):
            return BARE_LF
        mail_from = envelope.mail_from or ""
        incoming = Incoming(
            content=content,
            doorway=self._doorway,
            peer=_host(session),
            helo=session.host_name or "",
            envelope_from="" if mail_from == _NULL_PATH else mail_from,
            envelope_to=list(envelope.rcpt_tos),
        )
        try:
            raw_mail_id = await self._storing.store(incoming)
        except (OSError, DatabaseError, ValueError):
            return NOT_STORED  # the reason was logged where it happened
        return f"{OK}, stored as {raw_mail_id}"

    async def handle_exception(self, error: Exception) -> str:
        log.error("trouble in an SMTP session", exc_info=error)
        return TROUBLE


class DoorwaySession(SMTP):
    """One connection. Adds to aiosmtpd: admission, and reading of DATA that is strict, bounded and fast."""

    line_length_limit = CHUNK  # of the reader's buffer; commands have limits of their own

    def __init__(
        self,
        handler: _Handler,
        gate: Gate,
        open_sessions: set[DoorwaySession],
        loop: asyncio.AbstractEventLoop,
        tls: ssl.SSLContext | None,
    ) -> None:
        super().__init__(
            handler,
            data_size_limit=settings.MAX_MESSAGE_SIZE,
            enable_SMTPUTF8=True,
            hostname=settings.MAIL_DOMAIN,
            ident="ESMTP Answerback",
            timeout=settings.RECEIVE_TIMEOUT,
            tls_context=tls,
            auth_exclude_mechanism=("LOGIN", "PLAIN"),
            loop=loop,
        )
        self._gate, self._open_sessions = gate, open_sessions
        self._admitted_peer: str | None = None

    def connection_made(self, transport: Any) -> None:
        """Called again for the encrypted transport after STARTTLS; admission is for the connection."""
        if self._admitted_peer is None:
            peer = str((transport.get_extra_info("peername") or ("",))[0])
            if not self._gate.enter(peer):
                transport.write(f"{TOO_MANY_SESSIONS}\r\n".encode())
                transport.close()
                return
            self._admitted_peer = peer
            self._open_sessions.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        if self._admitted_peer is None:
            return
        if self in self._open_sessions:
            self._open_sessions.discard(self)
            self._gate.leave(self._admitted_peer)
        super().connection_lost(error)

    def hang_up(self) -> None:
        if self.transport is not None:
            self.transport.close()

    @syntax("DATA")
    async def smtp_DATA(self, arg: str | None) -> None:  # noqa: N802
        """RFC 5321 §4.1.1.4, in place of aiosmtpd's, which reads line by line and keeps a line without end forever."""
        if await self.check_helo_needed():
            return
        if not self.envelope or not self.envelope.rcpt_tos:
            await self.push("503 5.5.1 Error: need RCPT command")
            return
        if arg:
            await self.push("501 5.5.4 Syntax: DATA")
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        reading = _Reading(self._gate, settings.MAX_MESSAGE_SIZE)
        try:
            await self._read_into(reading)
            self.envelope.original_content = self.envelope.content = reading.content()
            reply = reading.refusal or await self._call_handler_hook("DATA")
        finally:
            reading.done()
        recipients = len(self.envelope.rcpt_tos)
        self.envelope = self._create_envelope()
        await self._answer_data(reply, recipients)

    async def _answer_data(self, reply: str, recipients: int) -> None:
        await self.push(reply)

    async def _read_into(self, reading: _Reading) -> None:
        # QUIRK: StreamReader cannot be read from "behind the line end of the command"; put back the CRLF that came
        # before the message, and an empty message ends like every other. aiosmtpd uses the same buffer for STARTTLS.
        buffer: bytearray = self._reader._buffer  # type: ignore[attr-defined]
        buffer[:0] = b"\r\n"
        ended = False
        while not ended:
            try:
                chunk = await self._reader.readuntil(END_OF_DATA)
                ended = True
            except asyncio.LimitOverrunError as more:
                chunk = await self._reader.readexactly(more.consumed)
            self._reset_timeout()
            reading.take(chunk)


class LmtpSession(DoorwaySession):
    """LMTP (RFC 2033), as a mail server on this machine speaks it: LHLO, and a reply for each recipient after DATA.

    All recipients of a message are stored by one commit, so all get the same one.
    """

    @syntax("LHLO hostname")
    async def smtp_LHLO(self, arg: str) -> None:  # noqa: N802
        await super().smtp_EHLO(arg)

    async def smtp_EHLO(self, arg: str) -> None:  # noqa: N802
        await self.push("500 5.5.1 This is LMTP: say LHLO")

    smtp_HELO = smtp_EHLO  # noqa: N815

    async def _answer_data(self, reply: str, recipients: int) -> None:
        for _ in range(recipients):
            await self.push(reply)


class _Reading:
    """The octets of one message as they come, or why it is refused: then the rest is read and forgotten."""

    def __init__(self, gate: Gate, limit: int) -> None:
        self._gate, self._limit = gate, limit
        self._octets = bytearray()
        self._held = 0
        self.refusal = ""

    def take(self, chunk: bytes) -> None:
        if self.refusal:
            return
        if len(self._octets) + len(chunk) > self._limit + len(END_OF_DATA) + 2:
            self._refuse(TOO_BIG)
        elif not self._gate.hold(len(chunk)):
            self._refuse(NO_ROOM)
        else:
            self._held += len(chunk)
            self._octets += chunk

    def content(self) -> bytes:
        """Without the CRLF put before it and the dot at its end, and with transparency undone (RFC 5321 §4.5.2)."""
        if self.refusal:
            return b""
        octets = self._octets
        del octets[-3:]
        if b"\r\n." in octets:
            octets = octets.replace(b"\r\n.", b"\r\n")
        return bytes(memoryview(octets)[2:])

    def done(self) -> None:
        """The memory is free again."""
        self._gate.release(self._held)
        self._octets, self._held = bytearray(), 0

    def _refuse(self, reply: str) -> None:
        self.done()
        self.refusal = reply


def _host(session: Session) -> str:
    return str(session.peer[0]) if session.peer else ""


def _tls_context() -> ssl.SSLContext | None:
    if not (settings.SMTP_TLS_CERT and settings.SMTP_TLS_KEY):
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(settings.SMTP_TLS_CERT, settings.SMTP_TLS_KEY)
    return context
