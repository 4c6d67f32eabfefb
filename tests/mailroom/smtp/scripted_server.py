"""An SMTP server on loopback that answers by script and keeps books, and a name server beside it.

A script says what happens at a stage of a transaction whose sender has the local part "fault", or of the session as a
whole (banner, ehlo, starttls, auth). An act is a reply text ("451 4.3.0 later"), or one of CLOSE, RESET, HANG, SLOW,
DRIP, BREAK_TLS. RCPT is answered from `replies` where the recipient's local part stands there, whoever the sender is.
What the client must not do is noted in `violations`.
"""

from __future__ import annotations

import asyncio
import base64
import os
import re
import socket
import ssl
import struct
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

CLOSE, RESET, HANG, SLOW, BREAK_TLS, DRIP = "CLOSE", "RESET", "HANG", "SLOW", "BREAK_TLS", "DRIP"
SLOWNESS = 0.05
COMMAND_MAX = 12288  # RFC 4954 §4, and far beyond what extensions add to MAIL and RCPT; else RFC 5321 §4.5.3.1.4
OFFERED_BY = {  # parameter of MAIL or RCPT -> extension
    "SIZE": "SIZE",
    "BODY": "8BITMIME",
    "SMTPUTF8": "SMTPUTF8",
    **dict.fromkeys(("RET", "ENVID", "NOTIFY", "ORCPT"), "DSN"),
}
REFUSED, DEFERRED = "550 5.1.1 no such user", "451 4.2.1 mailbox asleep"
EXTENSIONS = ("PIPELINING", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES", "SIZE 10000000")


@dataclass
class Script:
    """`acts`: stage -> act; `times`: how often acts are performed before the server behaves."""

    acts: Mapping[str, str] = field(default_factory=dict)
    extensions: tuple[str, ...] = EXTENSIONS
    times: int = 1_000_000
    helo_only: bool = False
    inject: bytes = b""  # after the 220 to STARTTLS, in plain
    tls: ssl.SSLContext | None = None
    implicit: bool = False
    users: Mapping[str, str] = field(default_factory=dict)
    messages_per_session: int = 0
    replies: Mapping[str, str] = field(default_factory=lambda: {"refused": REFUSED, "deferred": DEFERRED})


@dataclass
class Transaction:
    sender: str
    mail: str
    recipient: str = ""
    rcpt: str = ""
    content: bytes = b""


class _GoneError(Exception):
    pass


class Server:
    """`async with Server(Script(...)) as server`: listens on `server.host`, `server.port`."""

    def __init__(self, script: Script, host: str = "127.0.0.1", port: int = 0) -> None:
        self.script = script
        self.host, self.port = host, port
        self.taken: list[Transaction] = []
        self.commands: list[str] = []
        self.violations: list[str] = []
        self.sessions = 0
        self.logins: list[str] = []
        self._acted = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Server:
        listening = socket.create_server((self.host, self.port))
        # Small, so that a long message does not fit into the buffers on its way.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        self._server = await asyncio.start_server(self._serve, sock=listening, limit=1 << 16)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.sessions += 1
        session = _Session(self, reader, writer)
        try:
            await session.run()
        except (_GoneError, OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def flood(self, writer: asyncio.StreamWriter) -> None:
        """What is said after a message, unasked: here nothing."""

    def act(self, stage: str) -> str:
        """What to do at this stage, "" for the proper thing."""
        act = self.script.acts.get(stage, "")
        if not act or self._acted >= self.script.times:
            return ""
        self._acted += 1
        return act


class _Session:
    def __init__(self, server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.server, self.script = server, server.script
        self.reader, self.writer = reader, writer
        self.transaction: Transaction | None = None
        self.protected = self.esmtp = False
        self.count = 0

    async def run(self) -> None:
        if self.script.implicit:
            await self.start_tls()
        await self.say("banner", "220 scripted ESMTP")
        while True:
            line = await self.line()
            verb, _, argument = line.partition(" ")
            if verb in ("EHLO", "HELO", "DATA", "STARTTLS", "QUIT", "AUTH") and self.waiting:
                self.server.violations.append(f"{verb} was not the last of its group")
            if self.waiting and (not self.esmtp or "PIPELINING" not in self.script.extensions):
                self.server.violations.append(f"pipelined without leave: {line}")
            await getattr(self, "do_" + verb.lower())(argument)

    @property
    def waiting(self) -> bool:
        return bool(self.reader._buffer)  # type: ignore[attr-defined]

    async def line(self) -> str:
        octets = await self.reader.readuntil(b"\r\n")
        text = octets[:-2].decode()
        if "\n" in text or "\r" in text:
            self.server.violations.append(f"not one line: {text!r}")
        if len(octets) > (COMMAND_MAX if text[:4].upper() in ("MAIL", "RCPT", "AUTH") else 512):
            self.server.violations.append(f"too long: {text[:20]}")
        self.server.commands.append(text)
        return text

    async def say(self, stage: str, proper: str, *, faulty: bool = True) -> bool:
        """Performs the script's act for the stage, or answers properly; True for the latter."""
        act = self.server.act(stage) if faulty else ""
        if act == SLOW:
            await asyncio.sleep(SLOWNESS)
            act = ""
        if act == HANG:
            await asyncio.sleep(30)
        while act == DRIP:
            self.writer.write(b"2")
            await asyncio.sleep(SLOWNESS)
        if act == BREAK_TLS:
            await asyncio.sleep(SLOWNESS)  # asyncio drops a good record that is read together with a broken one
        if act in (CLOSE, RESET, BREAK_TLS):
            self.leave(act)
        self.writer.write((act or proper).encode() + b"\r\n")
        with suppress(OSError):
            await self.writer.drain()
        if act.startswith("421") or stage == "body":
            self.leave(CLOSE)
        return not act

    def leave(self, act: str) -> None:
        if act == RESET:
            sock = self.writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.writer.transport.abort()
        if act == BREAK_TLS:
            os.write(self.writer.get_extra_info("socket").fileno(), b"in the middle of TLS, this is none")
        raise _GoneError

    async def start_tls(self) -> None:
        assert self.script.tls is not None
        if self.waiting:
            self.server.violations.append("octets before the TLS handshake")
        await self.writer.start_tls(self.script.tls)
        self.protected, self.esmtp = True, False

    def check_name(self, name: str) -> None:
        if not re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)*|\[[0-9a-fA-F:.]+\]", name):
            self.server.violations.append(f"no domain: {name}")

    def check_offered(self, parameters: str) -> None:
        offered = {words.split()[0] for words in self.script.extensions} if self.esmtp else set()
        for parameter in parameters.split():
            if OFFERED_BY[parameter.partition("=")[0]] not in offered:
                self.server.violations.append(f"not offered: {parameter}")

    @property
    def faulty(self) -> bool:
        return self.transaction is not None and self.transaction.sender.startswith("fault@")

    async def do_ehlo(self, argument: str) -> None:
        self.check_name(argument)
        if self.script.helo_only:
            await self.say("ehlo", "502 5.5.1 what is that?")
            return
        words = list(self.script.extensions)
        if self.script.tls and not self.protected:
            words.append("STARTTLS")
        if self.script.users:
            words.append("AUTH PLAIN LOGIN XOAUTH2")
        lines = ["scripted", *words]
        self.esmtp = True
        await self.say("ehlo", "\r\n".join(f"250{' -'[line is not lines[-1]]}{line}" for line in lines))

    async def do_helo(self, argument: str) -> None:
        self.check_name(argument)
        await self.say("helo", "250 scripted")

    async def do_starttls(self, argument: str) -> None:
        if await self.say("starttls", "220 go" + ("\r\n" + self.script.inject.decode() if self.script.inject else "")):
            if self.script.acts.get("handshake"):
                await self.say("handshake", "")
            await self.start_tls()

    async def do_auth(self, argument: str) -> None:
        if not self.protected:
            self.server.violations.append("AUTH in clear")
        mechanism, _, initial = argument.partition(" ")
        if mechanism == "PLAIN":
            _, user, password = base64.b64decode(initial).decode().split("\0")
        elif mechanism == "LOGIN":
            answers = []
            for prompt in ("334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"):
                self.writer.write(prompt.encode() + b"\r\n")
                answers.append(base64.b64decode(await self.line()).decode())
            user, password = answers
        else:
            words = base64.b64decode(initial).decode().split("\1")
            user, password = words[0].removeprefix("user="), words[1].removeprefix("auth=Bearer ")
            if self.script.users.get(user) != password:
                self.writer.write(b"334 eyJzdGF0dXMiOiI0MDAifQ==\r\n")
                await self.line()
        if self.script.users.get(user) == password:
            self.server.logins.append(f"{mechanism} {user}")
            await self.say("auth", "235 2.7.0 welcome")
        else:
            await self.say("auth", "535 5.7.8 who are you?")

    async def do_mail(self, argument: str) -> None:
        if self.transaction is not None:
            self.server.violations.append("nested MAIL")
            await self.say("nested", "503 5.5.1 nested MAIL")
            return
        if self.script.messages_per_session and self.count >= self.script.messages_per_session:
            self.writer.write(b"421 4.7.0 enough for one session\r\n")
            self.leave(CLOSE)
        path, _, parameters = argument.removeprefix("FROM:<").partition(">")
        self.check_offered(parameters)
        transaction = Transaction(path, parameters.strip())
        if await self.say("mail", "250 2.1.0 ok", faulty=path.startswith("fault@")):
            self.transaction = transaction

    async def do_rcpt(self, argument: str) -> None:
        if self.transaction is None:
            await self.say("no-mail", "503 5.5.1 MAIL first")
            return
        path, _, parameters = argument.removeprefix("TO:<").partition(">")
        self.check_offered(parameters)
        refusal = self.script.replies.get(path.partition("@")[0])
        if refusal:
            await self.say("rcpt", refusal, faulty=False)
        elif await self.say("rcpt", "250 2.1.5 ok", faulty=self.faulty):
            if self.transaction.recipient:
                self.server.violations.append("a second recipient")
            self.transaction.recipient, self.transaction.rcpt = path, parameters.strip()

    async def do_data(self, argument: str) -> None:
        transaction = self.transaction
        if transaction is None or (not transaction.recipient and "354-anyway" not in self.script.acts):
            await self.say("no-rcpt", "554 5.5.1 no valid recipients")
            return
        if not await self.say("data", "354 go ahead", faulty=self.faulty):
            return
        content = await self._content(transaction)
        faulty = self.faulty
        self.transaction = None
        self.count += 1
        if not transaction.recipient:
            if content:
                self.server.violations.append("a message without a recipient")
            self.writer.write(b"554 5.5.1 no valid recipients\r\n")
        elif await self.say("dot", "250 2.0.0 taken", faulty=faulty):
            self.server.taken.append(transaction)
            transaction.content = content
            await self.server.flood(self.writer)

    async def _content(self, transaction: Transaction) -> bytes:
        lines = []
        while (line := await self.reader.readuntil(b"\n")) != b".\r\n":
            if not line.endswith(b"\r\n") or b"\r" in line[:-2]:
                self.server.violations.append("a bare CR or LF in the message")
            lines.append(line.removeprefix(b"."))
            if self.faulty and self.script.acts.get("body") == SLOW:
                await asyncio.sleep(SLOWNESS / 1000)
            elif self.faulty and self.script.acts.get("body") and not await self.say("body", ""):
                raise _GoneError
        return b"".join(lines)

    async def do_rset(self, argument: str) -> None:
        self.transaction = None
        await self.say("rset", "250 2.0.0 ok")

    async def do_quit(self, argument: str) -> None:
        await self.say("quit", "221 2.0.0 bye")
        raise _GoneError


class NameServer(asyncio.DatagramProtocol):
    """`zone`: name -> record type -> texts. Instead of the types an rcode answers with that, "NONSENSE" with something
    that is no answer, "DROP" not at all. Answers come after `delay` seconds.
    """

    def __init__(self, zone: Mapping[str, Mapping[str, list[str]] | str], delay: float = 0) -> None:
        self.zone = zone
        self.delay = delay
        self.asked: set[str] = set()

    async def __aenter__(self) -> NameServer:
        loop = asyncio.get_running_loop()
        self.transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        host, port = self.transport.get_extra_info("sockname")
        self.address = f"{host}:{port}"
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.transport.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        self.asked.add(name)
        known = self.zone.get(name, "NXDOMAIN")
        if known == "DROP":
            return
        if known == "NONSENSE":
            self.transport.sendto(data[:2] + b"nonsense", addr)
            return
        if isinstance(known, str):
            answer.set_rcode(dns.rcode.from_text(known))
        else:
            kind = dns.rdatatype.to_text(question.rdtype)
            if known.get(kind):
                answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *known[kind]))
        asyncio.get_running_loop().call_later(self.delay, self.transport.sendto, answer.to_wire(), addr)
