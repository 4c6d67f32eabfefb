"""What the tests of the client share: short time limits, a message, and one way to send and collect."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing

from scripted_server import Server

from mailroom.report import Action, DeliveryReport
from mailroom.smtp.options import Options, Timeouts
from mailroom.smtp.route import Endpoint, Relay, Route, Tls
from mailroom.smtp.session import Envelope, Transport

QUICK = Options(timeouts=Timeouts(5, 1.5, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.4), helo_name="desk.example")
MESSAGE = b"From: a@acme.example\r\nSubject: x\r\n\r\nHello.\r\n.dot\r\n"


def letter(report: DeliveryReport) -> str:
    """A accepted · C our own fault, waits · F failed · D! waits, may have arrived · D waits."""
    if report.action is Action.RELAYED:
        return "A"
    if report.ours:
        assert not report.permanent
        return "C"
    if report.permanent:
        return "F"
    return "D!" if report.ambiguous else "D"


def envelope(number: int, recipient: str = "", sender: str = "b-1@acme.example", content: bytes = MESSAGE) -> Envelope:
    return Envelope(number, sender, recipient or f"r{number}@kunde.example", content)


def relay_of(*servers: Server, tls: Tls = Tls.NONE, **more: str) -> Relay:
    return Relay(tuple(Endpoint(server.host, server.port, tls, **more) for server in servers))


async def send(transport: Transport, envelopes: Sequence[Envelope]) -> dict[str, DeliveryReport]:
    """One report for each envelope, by recipient."""
    reports: dict[str, DeliveryReport] = {}
    async with aclosing(transport.send(envelopes)) as outcomes:
        async for sent, report in outcomes:
            assert sent.rcpt_to not in reports, "two reports for one envelope"
            reports[sent.rcpt_to] = report
    assert set(reports) == {sent.rcpt_to for sent in envelopes}
    return reports


async def deliver(route: Route, envelopes: Sequence[Envelope], options: Options = QUICK) -> dict[str, DeliveryReport]:
    transport = Transport(route, options)
    reports = await send(transport, envelopes)
    await transport.close()
    return reports
