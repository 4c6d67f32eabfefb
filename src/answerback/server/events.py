"""`/events`: what changed, as server-sent events, to every signed-in page.

A message is one line of topics (`core.live`), those of a tenth of a second together; the page decides which of them it
shows and reads those parts again. Nothing else travels here, so nothing secret does. Heartbeats keep proxies from
closing the line; every few minutes the session is looked at again, so that signing out ends the line.
"""

from __future__ import annotations

import asyncio
from http.cookies import CookieError, SimpleCookie
from importlib import import_module

from django.conf import settings
from django.contrib.auth import get_user
from django.db import close_old_connections
from django.http import HttpRequest

from answerback.core import live
from answerback.server.adapter import Receive, Scope, Send, answer_plainly

HEARTBEAT = 15.0  # seconds
LOOK_AGAIN_EVERY = 12  # heartbeats
GATHER = 0.1  # seconds: a burst of changes becomes one message
RECONNECT_AFTER = 2000  # milliseconds, for the browser

_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]
_sessions = import_module(settings.SESSION_ENGINE)


class Events:
    """The ASGI application behind `/events`. `close` ends every line, so that the server can stop."""

    def __init__(self, hub: live.Hub) -> None:
        self._hub = hub
        self._closing = asyncio.Event()

    def close(self) -> None:
        self._closing.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        session_key = read_session_key(scope)
        if not await asyncio.to_thread(is_signed_in, session_key):
            await answer_plainly(send, 403, b"Not signed in.")
            return
        queue = self._hub.subscribe()
        gone = asyncio.create_task(_until_gone(receive))
        closing = asyncio.create_task(self._closing.wait())
        try:
            await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            await _write(send, f"retry: {RECONNECT_AFTER}\nevent: hello\ndata: {live.ANYTHING}\n\n")
            await self._tell(queue, session_key, send, gone, closing)
        finally:
            self._hub.unsubscribe(queue)
            gone.cancel()
            closing.cancel()

    async def _tell(
        self,
        queue: asyncio.Queue[str],
        session_key: str,
        send: Send,
        gone: asyncio.Task[None],
        closing: asyncio.Task[bool],
    ) -> None:
        quiet = 0
        while True:
            topic = asyncio.create_task(queue.get())
            done, _ = await asyncio.wait({topic, gone, closing}, timeout=HEARTBEAT, return_when=asyncio.FIRST_COMPLETED)
            if gone in done:
                topic.cancel()
                return
            if closing in done:
                topic.cancel()
                await _end(send)
                return
            if topic in done:
                topics = await _gather(queue, topic.result())
                await _write(send, f"data: {' '.join(sorted(topics))}\n\n")
                continue
            topic.cancel()
            quiet += 1
            if quiet % LOOK_AGAIN_EVERY == 0 and not await asyncio.to_thread(is_signed_in, session_key):
                await _end(send)
                return
            await _write(send, ": still here\n\n")


async def _gather(queue: asyncio.Queue[str], first: str) -> set[str]:
    await asyncio.sleep(GATHER)
    topics = {first}
    while not queue.empty():
        topics.add(queue.get_nowait())
    return topics


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _write(send: Send, text: str) -> None:
    await send({"type": "http.response.body", "body": text.encode(), "more_body": True})


async def _end(send: Send) -> None:
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def read_session_key(scope: Scope) -> str:
    """The session cookie of the request, or ""."""
    for name, value in scope["headers"]:
        if name == b"cookie":
            try:
                morsel = SimpleCookie(value.decode("latin-1")).get(settings.SESSION_COOKIE_NAME)
            except CookieError:
                return ""
            return morsel.value if morsel else ""
    return ""


def is_signed_in(session_key: str) -> bool:
    """Whether the session belongs to somebody who may still sign in. Reads the database: not for the loop."""
    if not session_key:
        return False
    close_old_connections()
    request = HttpRequest()
    request.session = _sessions.SessionStore(session_key)
    return bool(get_user(request).is_authenticated)
