"""A next hop on loopback. The local part, up to a "+", says what becomes of a mail: 550, 451, cut, lost, hang, or ok.

After the final dot `cut` closes the connection without a word, `lost` does so with the mail kept (RFC 1047), `slow`
and `hang` wait. `at` is called whenever a mail has come as far as one of STAGES.
It listens on more addresses where several destinations are played; those in `silent` take a connection and say nothing.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

HANG = 60.0
SLOW = 1.0
STAGES = ("rcpt", "data", "body", "dot", "kept", "said")  # of one mail; `kept`: before the 250, `said`: after it


@contextmanager
def listening(*servers: Any) -> Iterator[Any]:
    """Servers such as these in a thread of their own, the first one given: pages and browsers have their own loops."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    for server in servers:
        asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result()
    try:
        yield servers[0]
    finally:
        for server in servers:
            asyncio.run_coroutine_threadsafe(server.__aexit__(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def fate_of(recipient: str) -> str:
    return recipient.partition("@")[0].partition("+")[0]


@dataclass
class Kept:
    """A message that was taken."""

    mail_from: str
    rcpt_to: str
    content: bytes
    acknowledged: bool = False


@dataclass
class Hop:
    """`async with Hop() as hop`: `hop.url` is a relay; `hop.refuses` may hold a banner that it greets with instead."""

    kept: list[Kept] = field(default_factory=list)
    refuses: str = ""
    addresses: Collection[str] = ("127.0.0.1",)
    silent: Collection[str] = ()
    serves: int = 1000  # sessions at once; who comes then is told to come later
    sessions: int = 0
    most_sessions: int = 0
    turned_away: int = 0
    at: Callable[[str, str], None] = lambda stage, recipient: None

    async def __aenter__(self) -> Hop:
        self._open = set[asyncio.Task[None]]()
        self.port = 0
        self._servers: list[asyncio.Server] = []
        for address in self.addresses:
            self._servers.append(await asyncio.start_server(self._serve, address, self.port))
            self.port = self._servers[0].sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        for server in self._servers:
            server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}?tls=none"

    def copies(self, recipient: str) -> list[Kept]:
        return [mail for mail in self.kept if mail.rcpt_to == recipient]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._open.add(task)
        self.sessions += 1
        self.most_sessions = max(self.most_sessions, self.sessions)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                if writer.get_extra_info("sockname")[0] in self.silent:
                    await asyncio.sleep(HANG)
                await self._talk(reader, writer)
        finally:
            self.sessions -= 1
            self._open.discard(task)
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def say(line: str) -> None:
            writer.write(f"{line}\r\n".encode())

        refuses = self.refuses or ("421 4.7.0 Too many connections" if self.sessions > self.serves else "")
        say(refuses or "220 hop.test ESMTP")
        if refuses:
            self.turned_away += 1
            return
        mail_from = rcpt_to = begun = ""
        while line := (await reader.readuntil(b"\r\n")).decode().strip():
            verb = line[:4].upper()
            if verb == "EHLO":
                writer.write(b"250-hop.test\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250 ENHANCEDSTATUSCODES\r\n")
            elif verb == "MAIL":
                mail_from, rcpt_to = line.split("<")[1].split(">")[0], ""
                begun = self.mail(mail_from)
                say(begun)
            elif verb == "RCPT" and not begun.startswith("2"):
                say("503 5.5.1 MAIL first")
            elif verb == "RCPT":
                rcpt_to = self._rcpt(line.split("<")[1].split(">")[0], say)
            elif verb == "DATA":
                if not rcpt_to:
                    say("554 5.5.1 no valid recipients")
                    continue
                self.at("data", rcpt_to)
                say("354 go on")
                content = await reader.readuntil(b"\r\n")
                self.at("body", rcpt_to)
                content += await reader.readuntil(b"\r\n.\r\n")
                if not await self._answer_dot(Kept(mail_from, rcpt_to, content[:-3]), say):
                    return
            elif verb == "QUIT":
                say("221 2.0.0 Bye")
                return
            else:
                say("250 2.0.0 Ok")

    def fate(self, recipient: str) -> str:
        return fate_of(recipient)

    def mail(self, reverse_path: str) -> str:
        """What is said to a reverse-path."""
        return "250 2.1.0 Ok"

    def _rcpt(self, recipient: str, say: Callable[[str], None]) -> str:
        self.at("rcpt", recipient)
        match self.fate(recipient):
            case "550":
                say("550 5.1.1 User unknown")
                return ""
            case "451":
                say("451 4.7.1 Greylisted, try again later")
                return ""
        say("250 2.1.5 Ok")
        return recipient

    async def _answer_dot(self, mail: Kept, say: Callable[[str], None]) -> bool:
        """False where the connection is to be closed without a word."""
        fate = self.fate(mail.rcpt_to)
        if fate == "hang":
            await asyncio.sleep(HANG)
        if fate == "slow":
            await asyncio.sleep(SLOW)
        self.at("dot", mail.rcpt_to)
        if fate == "cut":
            return False
        self.kept.append(mail)
        self.at("kept", mail.rcpt_to)
        if fate == "lost":
            return False
        say(f"250 2.0.0 Ok: queued as {len(self.kept)}")
        mail.acknowledged = True
        self.at("said", mail.rcpt_to)
        return True
