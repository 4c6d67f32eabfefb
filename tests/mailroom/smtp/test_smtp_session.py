"""Stories of the client on loopback: pipelining, reuse, hosts that give up, limits, and leaving early."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
import uvloop
from delivering import MESSAGE, QUICK, deliver, envelope, letter, relay_of, send
from scripted_server import CLOSE, DRIP, EXTENSIONS, HANG, Script, Server

from mailroom.report import Scope, Source, Stage
from mailroom.smtp.route import Endpoint, Relay, Tls
from mailroom.smtp.session import Transport

Story = Callable[[], Coroutine[Any, Any, None]]


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
@pytest.mark.parametrize("pipelining", [True, False])
def test_many_messages_over_one_connection(run: Callable[[Coroutine[Any, Any, None]], None], pipelining: bool) -> None:
    envelopes = [envelope(number, content=MESSAGE + b"%d\r\n" % number * 5_000) for number in range(20)]

    async def story() -> None:
        async with Server(Script(extensions=EXTENSIONS if pipelining else EXTENSIONS[1:])) as server:
            reports = await deliver(relay_of(server), envelopes)
        assert {letter(report) for report in reports.values()} == {"A"}
        assert server.sessions == 1
        assert server.violations == []
        assert [taken.recipient for taken in server.taken] == [sent.rcpt_to for sent in envelopes]
        assert [taken.content for taken in server.taken] == [sent.content for sent in envelopes]
        assert server.commands[-1] == "QUIT"

    run(story())


def test_parameters_reach_the_server() -> None:
    async def story() -> None:
        async with Server(Script()) as server:
            await deliver(relay_of(server), [envelope(7)])
        [taken] = server.taken
        assert taken.mail == f"SIZE={len(MESSAGE)} RET=HDRS ENVID=7"
        assert taken.rcpt == "NOTIFY=FAILURE,DELAY ORCPT=rfc822;r7@kunde.example"

    asyncio.run(story())


def test_after_helo_no_extension_is_used() -> None:
    async def story() -> None:
        async with Server(Script(helo_only=True)) as server:
            reports = await deliver(relay_of(server), [envelope(1), envelope(2)])
        assert {letter(report) for report in reports.values()} == {"A"}
        assert server.violations == []
        assert {taken.mail + taken.rcpt for taken in server.taken} == {""}

    asyncio.run(story())


@pytest.mark.parametrize("pipelining", [True, False])
def test_a_refusal_touches_nobody_else(pipelining: bool) -> None:
    """Refused recipients in the middle leave a transaction open at the server, which must be reset."""
    envelopes = [envelope(n, sender=f"{'fault' if n in (1, 2, 4) else 'fine'}@acme.example") for n in range(6)]

    async def story() -> None:
        script = Script({"rcpt": "550 5.1.1 no such user"}, EXTENSIONS if pipelining else EXTENSIONS[1:])
        async with Server(script) as server:
            reports = await deliver(relay_of(server), envelopes)
        assert "".join(letter(report) for _, report in sorted(reports.items())) == "AFFAFA"
        assert server.sessions == 1
        assert server.violations == []
        assert reports["r1@kunde.example"].scope is Scope.RECIPIENT

    asyncio.run(story())


def test_354_without_a_recipient_gets_no_message() -> None:
    envelopes = [envelope(1, sender="fine@acme.example"), envelope(2, sender="fault@acme.example"), envelope(3)]

    async def story() -> None:
        async with Server(Script({"rcpt": "550 5.1.1 no such user", "354-anyway": "yes"})) as server:
            reports = await deliver(relay_of(server), envelopes)
        assert [letter(reports[f"r{n}@kunde.example"]) for n in (1, 2, 3)] == ["A", "F", "A"]
        assert server.violations == []
        assert len(server.taken) == 2

    asyncio.run(story())


def test_an_unasked_reply_never_becomes_somebody_elses_outcome() -> None:
    envelopes = [envelope(1, sender="fault@acme.example"), envelope(2), envelope(3)]

    async def story(stage: str) -> None:
        act = "550 5.1.1 no such user\r\n250 2.0.0 unasked\r\n554 5.5.1 unasked, too"
        async with Server(Script({stage: act})) as server:
            reports = await deliver(relay_of(server), envelopes)
        assert [letter(reports[f"r{n}@kunde.example"]) for n in (1, 2, 3)] == ["F", "A", "A"]
        assert reports["r1@kunde.example"].diagnostic == "550 5.1.1 no such user"

    for stage in ("rcpt", "data", "dot"):
        asyncio.run(story(stage))


def test_a_refusal_shouted_after_a_message_is_not_the_next_ones() -> None:
    async def story() -> None:
        act = "250 2.0.0 taken\r\n554 5.7.1 and now go away"
        async with Server(Script({"dot": act}, times=1)) as server:
            reports = await deliver(relay_of(server), [envelope(1, sender="fault@acme.example"), envelope(2)])
        assert [letter(reports[f"r{n}@kunde.example"]) for n in (1, 2)] == ["A", "A"]

    asyncio.run(story())


def test_a_server_that_wants_few_messages_a_session() -> None:
    async def story() -> None:
        async with Server(Script(messages_per_session=2)) as server:
            reports = await deliver(relay_of(server), [envelope(number) for number in range(5)])
        assert {letter(report) for report in reports.values()} == {"A"}
        assert server.sessions == 3
        assert len(server.taken) == 5

    asyncio.run(story())


def test_a_connection_is_kept_for_the_next_call_and_opened_anew_if_it_died() -> None:
    async def story() -> None:
        async with Server(Script()) as server:
            transport = Transport(relay_of(server), QUICK)
            await send(transport, [envelope(1)])
            await send(transport, [envelope(2)])
            assert server.sessions == 1
            for task in server._tasks:
                task.cancel()
            await asyncio.sleep(0.01)
            reports = await send(transport, [envelope(3)])
            await transport.close()
        assert letter(reports["r3@kunde.example"]) == "A"
        assert (server.sessions, len(server.taken)) == (2, 3)

    asyncio.run(story())


def test_a_relay_that_is_down_is_our_fault_and_the_next_one_is_used() -> None:
    async def story() -> None:
        down = Endpoint("127.0.0.1", closed_port(), Tls.NONE)
        reports = await deliver(Relay((down,)), [envelope(1), envelope(2)])
        assert [letter(report) for report in reports.values()] == ["C", "C"]
        report = reports["r1@kunde.example"]
        assert (report.stage, report.scope, report.source) == (Stage.CONNECT, Scope.SITE, Source.CLIENT)
        assert str(report.status) == "4.4.1"
        async with Server(Script()) as server:
            reports = await deliver(Relay((down, *relay_of(server).endpoints)), [envelope(1)])
        assert letter(reports["r1@kunde.example"]) == "A"

    asyncio.run(story())


def test_a_relay_name_that_is_unknown() -> None:
    async def story() -> None:
        reports = await deliver(Relay((Endpoint("nowhere.invalid", 25),)), [envelope(1)])
        report = reports["r1@kunde.example"]
        assert (letter(report), report.stage) == ("C", Stage.DNS)

    asyncio.run(story())


@pytest.mark.parametrize(("stage", "letters"), [("mail", ["D"] * 30), ("dot", ["D!"] * 2 + ["D"] * 28)])
def test_a_server_that_hangs_is_not_asked_for_each_message(stage: str, letters: list[str]) -> None:
    async def story() -> None:
        async with Server(Script({stage: HANG})) as server:
            envelopes = [envelope(number, sender="fault@acme.example") for number in range(30)]
            options = replace(QUICK, dead_sessions_max=2)
            reports = await deliver(relay_of(server), envelopes, options)
        assert [letter(report) for report in reports.values()] == letters
        assert server.sessions == 2

    asyncio.run(story())


class Flooding(Server):
    """A while after each message it says `octets` without end; `stalled` once nobody takes more."""

    octets = b""
    flooded = 0

    def __init__(self, octets: bytes) -> None:
        super().__init__(Script())
        self.octets = octets
        self.stalled = asyncio.Event()

    async def flood(self, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.1)  # the client has put the connection aside by then
        with suppress(TimeoutError):
            while self.flooded < 256 * 2**20:
                writer.write(self.octets)
                await asyncio.wait_for(writer.drain(), 1)
                self.flooded += len(self.octets)
            return
        self.stalled.set()


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
@pytest.mark.parametrize("octets", [b"250 " + b"x" * 60_000 + b"\r\n", b"x" * 60_000])
def test_a_flood_on_a_connection_that_is_kept_does_not_fill_our_memory(
    run: Callable[[Coroutine[Any, Any, None]], None], octets: bytes
) -> None:
    async def story() -> None:
        async with Flooding(octets) as server:
            transport = Transport(relay_of(server), QUICK)
            reports = await send(transport, [envelope(1)])
            await asyncio.wait_for(server.stalled.wait(), 60)
            reports |= await send(transport, [envelope(2)])
            await transport.close()
        assert {letter(report) for report in reports.values()} == {"A"}
        assert [taken.recipient for taken in server.taken] == ["r1@kunde.example", "r2@kunde.example"]

    run(story())


@pytest.mark.parametrize("stage", ["banner", "rcpt", "dot"])
def test_a_server_that_lets_its_reply_drip_is_left_when_the_time_is_over(stage: str) -> None:
    async def story() -> None:
        async with Server(Script({stage: DRIP})) as server:
            reports = await deliver(relay_of(server), [envelope(1, sender="fault@acme.example")])
        report = reports["r1@kunde.example"]
        assert letter(report) == {"banner": "C", "rcpt": "D", "dot": "D!"}[stage]
        assert "waited 0.8 s" in report.diagnostic

    asyncio.run(story())


@pytest.mark.parametrize(
    ("change", "code", "status"),
    [
        ({"content": b"x" * 2000}, 552, "5.3.4"),
        ({"recipient": "josé@kunde.example"}, None, "5.6.7"),
        ({"content": b"From: a\r\n\r\n\xe4\r\n"}, None, "5.6.3"),
        ({"recipient": "a b@kunde.example"}, None, "5.1.3"),
    ],
)
def test_what_the_server_cannot_get_is_not_sent(change: dict[str, Any], code: int | None, status: str) -> None:
    async def story() -> None:
        async with Server(Script(extensions=("PIPELINING", "SIZE 1000"))) as server:
            odd = envelope(2, **change)
            reports = await deliver(relay_of(server), [envelope(1), odd, envelope(3)])
        report = reports.pop(odd.rcpt_to)
        assert (letter(report), report.reply_code, str(report.status)) == ("F", code, status)
        assert report.source is Source.CLIENT
        assert {letter(other) for other in reports.values()} == {"A"}
        assert sum(command.startswith("MAIL") for command in server.commands) == 2

    asyncio.run(story())


def test_leaving_early_sends_nothing_more() -> None:
    """The consumer could not store an outcome: the next message, though announced already, must not arrive."""

    async def story() -> None:
        async with Server(Script()) as server:
            transport = Transport(relay_of(server), QUICK)
            outcomes = transport.send([envelope(number) for number in range(5)])
            await anext(outcomes)
            await outcomes.aclose()
            await transport.close()
            await asyncio.sleep(0.05)
        assert len(server.taken) == 1
        assert sum(command == "DATA" for command in server.commands) == 2

    asyncio.run(story())


def test_cancelling_breaks_the_connection_off() -> None:
    async def story() -> None:
        async with Server(Script({"dot": HANG})) as server:
            transport = Transport(relay_of(server), QUICK)
            task = asyncio.create_task(send(transport, [envelope(1, sender="fault@acme.example")]))
            await asyncio.sleep(0.1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            server.script = Script()
            reports = await send(transport, [envelope(2)])
            await transport.close()
        assert letter(reports["r2@kunde.example"]) == "A"
        assert [taken.recipient for taken in server.taken] == ["r2@kunde.example"]

    asyncio.run(story())


@pytest.mark.parametrize("act", [CLOSE, HANG, "250 what?"])
def test_a_rude_goodbye_changes_nothing(act: str) -> None:
    async def story() -> None:
        async with Server(Script({"quit": act})) as server:
            started = asyncio.get_running_loop().time()
            reports = await deliver(relay_of(server), [envelope(1)])
            assert asyncio.get_running_loop().time() - started < 1
        assert letter(reports["r1@kunde.example"]) == "A"

    asyncio.run(story())


def test_a_reply_that_asks_for_patience() -> None:
    async def story() -> None:
        async with Server(Script({"rcpt": "451 4.7.1 Greylisted, try again in 90 seconds"})) as server:
            reports = await deliver(relay_of(server), [envelope(1, sender="fault@acme.example")])
        assert reports["r1@kunde.example"].retry_after == 90

    asyncio.run(story())


@pytest.mark.parametrize("code", [530, 535])
@pytest.mark.parametrize("stage", ["mail", "rcpt"])
def test_a_demanded_login_is_our_fault_at_any_stage(code: int, stage: str) -> None:
    async def story() -> None:
        async with Server(Script({stage: f"{code} 5.7.0 log in first"})) as server:
            reports = await deliver(relay_of(server), [envelope(1, sender="fault@acme.example")])
        report = reports["r1@kunde.example"]
        assert (letter(report), report.scope, report.reply_code) == ("C", Scope.SITE, code)

    asyncio.run(story())
