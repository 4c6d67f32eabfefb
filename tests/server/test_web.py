"""The web process over real sockets: pages, uploads that crawl, the line of events, a clean end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from io import BytesIO
from typing import Any

import pytest
from django.test import Client
from tests.world import World, make_world

from answerback.server import events
from answerback.server.adapter import Adapter, make_environ
from answerback.server.run import listen, serve


def scope(path: str = "/", headers: list[tuple[bytes, bytes]] | None = None) -> dict[str, Any]:
    return {"type": "http", "method": "POST", "path": path, "query_string": b"q=1", "headers": headers or []}


def test_header_names_with_underscores_are_dropped_and_repeated_headers_joined() -> None:
    environ = make_environ(
        scope("/ä", [(b"x_real", b"evil"), (b"x-real", b"1"), (b"x-real", b"2"), (b"cookie", b"a"), (b"cookie", b"b")]),
        BytesIO(),
    )
    assert environ["HTTP_X_REAL"] == "1,2"
    assert environ["HTTP_COOKIE"] == "a; b"
    assert environ["PATH_INFO"] == "/ä".encode().decode("latin-1")


def answer(adapter: Adapter, chunks: list[bytes]) -> list[dict[str, Any]]:
    """What the adapter sends when the body comes in `chunks`."""
    incoming = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    incoming.append({"type": "http.request", "body": b"", "more_body": False})
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if incoming:
            return incoming.pop(0)
        return await asyncio.Future()

    async def send(event: Any) -> None:
        sent.append(dict(event))

    asyncio.run(adapter(scope(), receive, send))
    return sent


def echo(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    start_response("201 Created", [("X-Length", "1")])
    return [environ["wsgi.input"].read()]


def test_the_body_reaches_the_application_whole() -> None:
    sent = answer(Adapter(echo, threads=1, max_body=100), [b"one ", b"two"])
    assert sent[0]["status"] == 201
    assert sent[1]["body"] == b"one two"
    assert sent[-1]["more_body"] is False


def test_a_body_over_the_limit_is_refused_before_the_application_sees_it() -> None:
    sent = answer(Adapter(echo, threads=1, max_body=5), [b"one ", b"two"])
    assert sent[0]["status"] == 413


@pytest.fixture
def world(transactional_db: None, data_dir: object) -> World:
    return make_world()


@pytest.fixture
def port(world: World) -> Iterator[int]:
    """A running web process; its port."""
    listener = listen("127.0.0.1", 0)
    stop, ready = asyncio.Event(), threading.Event()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_until_complete, args=(serve(stop, listener, ready.set),))
    number = listener.getsockname()[1]
    thread.start()
    assert ready.wait(10)
    yield number
    loop.call_soon_threadsafe(stop.set)
    thread.join(10)
    assert not thread.is_alive(), "the web process does not end"
    loop.close()


def cookie(world: World) -> dict[str, str]:
    browser = Client()
    browser.force_login(world.ada)
    return {"Cookie": f"answerback_session={browser.cookies['answerback_session'].value}"}


def test_pages_come_and_slow_uploads_hold_no_thread(port: int, world: World) -> None:
    slow = [HTTPConnection("127.0.0.1", port, timeout=10) for _ in range(12)]
    for connection in slow:
        connection.putrequest("POST", "/sign-in")
        connection.putheader("Content-Length", "1000")
        connection.endheaders(b"a")
    page = HTTPConnection("127.0.0.1", port, timeout=10)
    page.request("GET", "/views/open", headers=cookie(world))
    assert b"Printer" not in page.getresponse().read()
    for connection in slow:
        connection.close()


def test_events_need_a_session(port: int, world: World) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/events")
    assert connection.getresponse().status == 403


def test_events_tell_what_changed(port: int, world: World) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/events", headers=cookie(world))
    response = connection.getresponse()
    assert response.headers["Content-Type"].startswith("text/event-stream")
    assert response.headers["X-Accel-Buffering"] == "no"
    lines = iter(response.readline, b"")
    assert any(line == b"event: hello\n" for line in lines)
    ticket = world.ticket()
    told = next(line for line in lines if line.startswith(b"data: ") and b"ticket" in line)
    assert f"ticket:{ticket.pk}" in told.decode().split()
    connection.close()


def test_a_stale_session_is_nobody(world: World) -> None:
    assert not events.is_signed_in("")
    assert not events.is_signed_in("made-up")
