"""One connection: octets out, replies in, each with its time limit. Runs on asyncio's and on uvloop's loop.

Nearly every reply comes long before its time is over, and a timer for each would cost as much as reading it. One alarm
serves all waits: it is set anew only where it would ring too late, and where it rings too early.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from typing import cast

from mailroom.report import Stage
from mailroom.smtp.options import Timeouts
from mailroom.smtp.reply import Reply, ReplyParser
from mailroom.smtp.route import Endpoint, Tls
from mailroom.smtp.tls import client_context
from mailroom.smtp.trouble import Fault, Trouble, connection_fault

_UNREAD_MAX = 100  # replies; no group of commands has more than a few


class Link(asyncio.Protocol):
    """A connection to `endpoint`. Every failure is a `Trouble` that names the stage it was asked for."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.remote = str(endpoint)
        self.protected = False
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._parser = ReplyParser()
        self._replies: deque[Reply] = deque()
        self._lost = ""
        self._full = False  # the kernel takes no more for now
        self._waiter: asyncio.Future[None] | None = None
        self._deadline = 0.0  # loop time at which the waiter has waited long enough
        self._alarm: asyncio.TimerHandle | None = None  # rings at the deadline or before it
        self._alarm_at = 0.0

    # Opening

    @classmethod
    async def connect(cls, endpoint: Endpoint, timeouts: Timeouts) -> Link:
        """An open connection. Where it comes to none, nothing of it stays open, for nobody else could close it."""
        link = cls(endpoint)
        try:
            await link._open(timeouts.connect)
            if endpoint.tls is Tls.IMPLICIT:
                await link.start_tls(Stage.CONNECT, timeouts.ehlo)
        except BaseException:
            link.abort()
            raise
        return link

    async def _open(self, timeout: float) -> None:
        host = self.endpoint.address or self.endpoint.host
        try:
            async with asyncio.timeout(timeout):
                await self._loop.create_connection(lambda: self, host, self.endpoint.port)
        except (OSError, ValueError) as error:  # ValueError: what stands for the host cannot be a name
            raise self.trouble(Stage.CONNECT, connection_fault(error, self.endpoint.address), str(error)) from None

    async def start_tls(self, stage: Stage, timeout: float) -> None:
        """The handshake. Octets that came before it are an injection (RFC 3207 §6).

        Where it fails, whoever opened the connection closes it: nothing else can be done with it.
        """
        if self.surplus or self._transport is None:
            raise self.trouble(stage, Fault.TLS, "octets before the TLS handshake")
        try:
            context = client_context(self.endpoint.tls, self.endpoint.ca_file)
        except OSError as error:
            raise self.trouble(stage, Fault.LOCAL, f"{self.endpoint.ca_file}: {error}") from None
        try:
            transport = await self._loop.start_tls(
                self._transport,
                self,
                context,
                server_hostname=self.endpoint.host,
                ssl_handshake_timeout=timeout,
            )
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError; ValueError: a host name unfit for SNI
            raise self.trouble(stage, Fault.TLS, _words(error)) from None
        if transport is None:
            raise self.trouble(stage, Fault.TLS, "the connection was closed")
        self._transport = transport
        self._parser = ReplyParser()
        self.protected = True

    # What asyncio tells us

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # QUIRK: uvloop's transports are no subclasses of asyncio's.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._replies.extend(self._parser.feed(data))
        if (self._parser.broken or len(self._replies) > _UNREAD_MAX) and self._transport is not None:
            self._transport.pause_reading()  # nobody will read on, and a flood must not fill our memory
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = str(exc) if exc else "closed by the other side"
        self._wake()
        self._unset_alarm()

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        self._wake()

    # Speaking and listening

    @property
    def surplus(self) -> bool:
        """Whether anything came that nobody asked for, or the connection is gone: not fit for another command."""
        return bool(self._replies or self._parser.midway or self._parser.broken or self._lost)

    def write(self, octets: bytes | memoryview) -> None:
        if self._transport is not None and not self._lost:
            self._transport.write(octets)

    async def write_blocks(self, blocks: Iterable[bytes | memoryview], timeout: float) -> None:
        """Writes all but waits `timeout` at most for each block; stops early where the other side has spoken."""
        for block in blocks:
            if self.surplus:
                return
            self.write(block)
            while self._full and not self.surplus:
                await self._wait(Stage.BODY, timeout, self._loop.time())

    async def reply(self, stage: Stage, timeout: float) -> Reply:
        """The next reply, whole within the time limit: a server that lets it drip must not hold a session for days."""
        if not self._replies:
            await self._listen(stage, timeout)
        return self._replies.popleft()

    async def _listen(self, stage: Stage, timeout: float) -> None:
        """Until there is a reply."""
        began = self._loop.time()
        while not self._replies:
            if self._parser.broken:
                raise self.trouble(stage, Fault.GARBAGE, self._parser.broken)
            if self._lost:
                raise self.trouble(stage, Fault.LOST, self._lost)
            await self._wait(stage, timeout, began)

    async def ask(self, stage: Stage, command: bytes, timeout: float) -> Reply:
        """One command and its reply."""
        self.write(command)
        return await self.reply(stage, timeout)

    def trouble(self, stage: Stage, fault: Fault, detail: str = "") -> Trouble:
        return Trouble(stage, fault=fault, detail=detail, remote=self.remote)

    def refusal(self, stage: Stage, reply: Reply) -> Trouble:
        """A reply that was not the wanted one: its refusal, or nonsense where it refuses nothing."""
        if reply.code >= 400:
            return Trouble(stage, reply=reply, remote=self.remote)
        return Trouble(stage, reply=reply, fault=Fault.GARBAGE, detail=reply.text, remote=self.remote)

    # Closing

    async def quit(self, timeout: float) -> None:
        """Says goodbye and does not insist on an answer."""
        if not self.surplus:
            with suppress(Trouble):
                await self.ask(Stage.QUIT, b"QUIT\r\n", timeout)
        self.abort()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()
        self._lost = self._lost or "closed by us"
        self._unset_alarm()

    # Waiting

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _wait(self, stage: Stage, timeout: float, began: float) -> None:
        """Until something happens, or the time is over."""
        self._waiter = self._loop.create_future()
        self._deadline = began + timeout
        if self._alarm is None or self._alarm_at > self._deadline:
            self._set_alarm()
        try:
            await self._waiter
        except TimeoutError:
            raise self.trouble(stage, Fault.TIMEOUT, f"waited {timeout:g} s") from None
        finally:
            self._waiter = None

    def _set_alarm(self) -> None:
        self._unset_alarm()
        self._alarm_at = self._deadline
        self._alarm = self._loop.call_at(self._deadline, self._ring)

    def _unset_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _ring(self) -> None:
        self._alarm = None
        if self._waiter is None or self._waiter.done():
            return  # the next wait sets it
        if self._loop.time() < self._deadline:
            self._set_alarm()
        else:
            self._waiter.set_exception(TimeoutError())


def _words(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    return str(error) or type(error).__name__
