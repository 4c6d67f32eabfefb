"""How long a connection waits for a reply, on a loop whose clock is put forward instead of waiting."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

import pytest
import uvloop

from mailroom.report import Stage
from mailroom.smtp.greeting import greet
from mailroom.smtp.link import Link
from mailroom.smtp.options import Options, Timeouts
from mailroom.smtp.reply import Reply
from mailroom.smtp.route import Endpoint, Tls
from mailroom.smtp.trouble import Fault, Trouble


class PatientLoop(asyncio.SelectorEventLoop):
    """`skipped` seconds are over without having passed."""

    skipped = 0.0

    def time(self) -> float:
        return super().time() + self.skipped


def run(story: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=PatientLoop) as runner:
        runner.run(story)


async def skip(seconds: float) -> None:
    """Time goes by, and what is due happens."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, PatientLoop)
    loop.skipped += seconds
    for _ in range(5):
        await asyncio.sleep(0)


async def listen(link: Link, timeout: float) -> asyncio.Task[Reply]:
    waiting = asyncio.create_task(link.reply(Stage.DOT, timeout))
    await asyncio.sleep(0)
    return waiting


async def assert_given_up(waiting: asyncio.Task[Reply], timeout: float) -> None:
    assert waiting.done()
    with pytest.raises(Trouble) as caught:
        await waiting
    assert (caught.value.stage, caught.value.fault) == (Stage.DOT, Fault.TIMEOUT)
    assert caught.value.detail == f"waited {timeout:g} s"


def test_each_reply_has_all_of_its_time() -> None:
    async def story() -> None:
        link = Link(Endpoint("mx.kunde.example", 25))
        for _ in range(5):
            waiting = await listen(link, 100)
            await skip(70)
            assert not waiting.done()
            link.data_received(b"250 ok\r\n")
            assert (await waiting).code == 250
        waiting = await listen(link, 100)
        await skip(99)
        assert not waiting.done()
        await skip(2)
        await assert_given_up(waiting, 100)

    run(story())


def test_less_patience_after_more() -> None:
    async def story() -> None:
        link = Link(Endpoint("mx.kunde.example", 25))
        waiting = await listen(link, 600)
        link.data_received(b"250 ok\r\n")
        await waiting
        waiting = await listen(link, 10)
        await skip(11)
        await assert_given_up(waiting, 10)

    run(story())


def test_half_a_reply_buys_no_time() -> None:
    async def story() -> None:
        link = Link(Endpoint("mx.kunde.example", 25))
        waiting = await listen(link, 100)
        for octets in (b"250-o", b"ne\r\n", b"250 "):
            await skip(30)
            link.data_received(octets)
        await skip(11)
        await assert_given_up(waiting, 100)

    run(story())


def test_a_time_that_is_over_while_nobody_waits_means_nothing() -> None:
    async def story() -> None:
        link = Link(Endpoint("mx.kunde.example", 25))
        waiting = await listen(link, 100)
        link.data_received(b"250 ok\r\n")
        await waiting
        await skip(1000)
        waiting = await listen(link, 100)
        await skip(99)
        assert not waiting.done()
        await skip(2)
        await assert_given_up(waiting, 100)

    run(story())


@pytest.mark.parametrize("leave", [Link.abort, lambda link: link.connection_lost(None)])
def test_a_connection_that_is_gone_is_not_remembered_until_its_time_is_over(leave: Any) -> None:
    async def story() -> None:
        link = Link(Endpoint("mx.kunde.example", 25))
        waiting = await listen(link, 600)
        link.data_received(b"250 ok\r\n")
        await waiting
        leave(link)
        gone = weakref.ref(link)
        del link, waiting
        gc.collect()
        assert gone() is None

    run(story())


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
@pytest.mark.parametrize("host", ["a..b", "...", "x" * 70])
def test_a_host_that_cannot_be_a_name_is_not_reached(host: str, run: Any) -> None:
    with pytest.raises(Trouble) as caught:
        run(Link.connect(Endpoint(host, 25), Timeouts()))
    assert (caught.value.stage, caught.value.fault) == (Stage.CONNECT, Fault.UNREACHABLE)


class Hurried(Link):
    """A server that speaks before the handshake."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.data_received(b"220 hello\r\n")


class Listener:
    """Says `words` and listens. `was_left` is set as soon as the client has closed the connection."""

    def __init__(self, words: bytes = b"") -> None:
        self._words = words
        self.was_left = asyncio.Event()

    async def __aenter__(self) -> Listener:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self._words)
        with suppress(ConnectionError):
            while await reader.read(1000):
                pass
        self.was_left.set()
        writer.close()


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
@pytest.mark.parametrize(
    ("kind", "ca_file", "words"),
    [(Link, "/nowhere/ca.pem", b""), (Hurried, "", b""), (Link, "", b"220 no handshake\r\n"), (Link, "", b"")],
    ids=["unreadable authorities", "octets before the handshake", "no handshake", "silence"],
)
def test_a_connection_without_its_handshake_is_not_left_open(
    kind: type[Link], ca_file: str, words: bytes, run: Any
) -> None:
    async def story() -> None:
        async with Listener(words) as listener:
            endpoint = Endpoint("127.0.0.1", listener.port, Tls.IMPLICIT, ca_file=ca_file)
            with pytest.raises(Trouble) as caught:
                await kind.connect(endpoint, Timeouts(ehlo=0.2))
            assert caught.value.stage is Stage.CONNECT
            await asyncio.wait_for(listener.was_left.wait(), 5)

    run(story())


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
@pytest.mark.parametrize("tls", [Tls.IMPLICIT, Tls.NONE])
def test_who_is_stopped_while_greeting_leaves_nothing_open(tls: Tls, run: Any) -> None:
    async def story() -> None:
        async with Listener() as listener:
            greeting = asyncio.create_task(greet(Endpoint("127.0.0.1", listener.port, tls), Options()))
            await asyncio.sleep(0.1)
            greeting.cancel()
            await asyncio.wait_for(listener.was_left.wait(), 5)
            with pytest.raises(asyncio.CancelledError):
                await greeting

    run(story())


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
@pytest.mark.parametrize(
    ("tls", "words"),
    [
        (Tls.NONE, b"554 5.7.1 go away\r\n"),
        (Tls.NONE, b"220 hello\r\n554 5.7.1 go away\r\n"),
        (Tls.NONE, b"HTTP/1.1 400 Bad Request\r\n"),
        (Tls.MUST, b"220 hello\r\n250 no extensions\r\n"),
        (Tls.MUST, b"220 hello\r\n250-hello\r\n250 STARTTLS\r\n454 4.7.0 not now\r\n"),
        (Tls.MUST, b"220 hello\r\n250-hello\r\n250 STARTTLS\r\n220 go\r\n250 injected\r\n"),
    ],
)
def test_a_greeting_that_comes_to_nothing_leaves_nothing_open(tls: Tls, words: bytes, run: Any) -> None:
    async def story() -> None:
        async with Listener(words) as listener:
            with pytest.raises(Trouble):
                await greet(Endpoint("127.0.0.1", listener.port, tls), Options())
            await asyncio.wait_for(listener.was_left.wait(), 5)

    run(story())
