"""The played internet's name service: a DNS server on the loopback, by UDP and TCP.

Every name under `sandbox.test`, and our own mail domain, exists and is served by the played mail server; every other
name does not exist, so that nothing of the demo leaves the machine. Some labels have a fate of their own:

| name                    | answer                                                          |
|-------------------------|-----------------------------------------------------------------|
| nodomain.sandbox.test   | no such domain                                                  |
| nullmx.sandbox.test     | a null MX: takes no mail (RFC 7505)                             |
| nomx.sandbox.test       | no MX, but an address: its own mail host (RFC 5321 §5.1)        |
| noserver.sandbox.test   | an MX where nobody listens                                      |
| servfail.sandbox.test   | the name server is broken                                       |
| forged.sandbox.test     | mail from there proves nothing: SPF allows nobody               |
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Sequence

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
from django.conf import settings

ZONE = "sandbox.test"
TTL = 5
_HERE = "127.0.0.1"
_NOBODY_LISTENS = "127.0.0.77"  # the played mail server listens at one address only
_DMARC = "_dmarc."

Records = Sequence[str]  # in zone-file form; empty: the name exists, without records of that type


class NameServer(asyncio.DatagramProtocol):
    """Answers over UDP and TCP at the same port."""

    def __init__(self) -> None:
        self._udp: asyncio.DatagramTransport | None = None
        self._tcp: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> tuple[str, int]:
        """The address where both listen. Port 0 takes one that is free for both. OSError where it is taken."""
        while True:
            self._udp, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: self, local_addr=(host, port)
            )
            address: tuple[str, int] = self._udp.get_extra_info("sockname")[:2]
            try:
                self._tcp = await asyncio.start_server(_serve_tcp, *address)
            except OSError:
                self._udp.close()
                if port:
                    raise
            else:
                return address

    async def stop(self) -> None:
        if self._udp:
            self._udp.close()
        if self._tcp:
            self._tcp.close()
            await self._tcp.wait_closed()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        reply = answer(data)
        if reply is not None and self._udp:
            self._udp.sendto(reply, addr)


async def _serve_tcp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        (length,) = struct.unpack("!H", await asyncio.wait_for(reader.readexactly(2), 5))
        reply = answer(await asyncio.wait_for(reader.readexactly(length), 5))
        if reply is not None:
            writer.write(struct.pack("!H", len(reply)) + reply)
            await writer.drain()
    except (TimeoutError, asyncio.IncompleteReadError, ConnectionError):
        pass  # a client that went away
    finally:
        writer.close()


def answer(query: bytes) -> bytes | None:
    """The wire answer to a wire query; None for what is no query."""
    try:
        request = dns.message.from_wire(query)
    except dns.exception.DNSException:
        return None
    if not request.question:
        return None
    question = request.question[0]
    response = dns.message.make_response(request, recursion_available=True)
    found = records(question.name.to_text(omit_final_dot=True), dns.rdatatype.to_text(question.rdtype))
    if isinstance(found, dns.rcode.Rcode):
        response.set_rcode(found)
    elif found:
        response.answer.append(dns.rrset.from_text_list(question.name, TTL, "IN", question.rdtype, list(found)))
    return response.to_wire()


def records(name: str, kind: str) -> Records | dns.rcode.Rcode:
    """What the played internet knows of `name`."""
    name = name.lower()
    if not _exists(name):
        return dns.rcode.NXDOMAIN
    label = _fate_label(name)
    if label == "nodomain":
        return dns.rcode.NXDOMAIN
    if label == "servfail":
        return dns.rcode.SERVFAIL
    match kind:
        case "MX":
            return _mx(name, label)
        case "A":
            return [_NOBODY_LISTENS if label == "noserver" else _HERE] if not name.startswith("_") else []
        case "TXT":
            return _txt(name, label)
    return []


def _exists(name: str) -> bool:
    own = {settings.MAIL_DOMAIN.lower(), settings.RETURN_PATH_DOMAIN.lower()}
    return any(name == zone or name.endswith(f".{zone}") for zone in {ZONE, *own})


def _fate_label(name: str) -> str:
    """The label right of which the zone begins: "nullmx" of mx.nullmx.sandbox.test."""
    return name.removesuffix(ZONE).rstrip(".").rpartition(".")[2]


def _mx(name: str, label: str) -> Records:
    if name.startswith(("mx.", "_")) or label == "nomx":
        return []
    return ["0 ."] if label == "nullmx" else [f"10 mx.{name}."]


def _txt(name: str, label: str) -> Records:
    if name.startswith(_DMARC):
        return ['"v=DMARC1; p=none"']
    if name.startswith("_") or "._domainkey." in name:
        return []
    return ['"v=spf1 -all"' if label == "forged" else '"v=spf1 ip4:127.0.0.0/8 -all"']
