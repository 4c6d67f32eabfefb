"""The host of an MTA-STS policy on loopback: kunde.example wants its mail at its own servers, under TLS."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

ENFORCED = "version: STSv1\r\nmode: enforce\r\nmx: mx1.kunde.example\r\nmx: *.mail.kunde.example\r\nmax_age: 86400\r\n"
RECORD = '"v=STSv1; id=20261126T1;"'
HANG = "HANG"


@dataclass
class PolicyHost:
    """`https://mta-sts.kunde.example`. `act`: a status and header lines, or HANG."""

    text: str = ENFORCED
    act: str = "200 OK\r\nContent-Type: text/plain"
    asked: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def serving(self, certificate: ssl.SSLContext) -> AsyncIterator[int]:
        """Gives the port of 127.0.0.1."""
        async with await asyncio.start_server(self._answer, "127.0.0.1", 0, ssl=certificate) as server:
            yield server.sockets[0].getsockname()[1]

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
        if self.act == HANG:
            await asyncio.sleep(30)
        writer.write(f"HTTP/1.1 {self.act}\r\nConnection: close\r\n\r\n{self.text}".encode())
        writer.close()
