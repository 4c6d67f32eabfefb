"""The web process: uvicorn as a library, the pages in threads, `/events` on the loop.

`serve` runs until it is told to stop, inside whoever's event loop it is called in: `web` alone, `serve` and `demo`
beside the workers.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator

import uvicorn
from django.conf import settings

from answerback.core import live, mail_settings
from answerback.server.adapter import Adapter, Receive, Scope, Send
from answerback.server.events import Events
from answerback.server.wsgi import application

GRACE = 5  # seconds for requests under way when we are told to stop
BACKLOG = 512


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: it raises SIGTERM again after its own shutdown, and we stop by an event."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Web:
    """The whole of what answers HTTP: routes between the line of events and the pages."""

    def __init__(self, hub: live.Hub) -> None:
        self.events = Events(hub)
        self.pages = Adapter(application, threads=settings.WEB_THREADS, max_body=settings.MAX_REQUEST_SIZE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live_along(receive, send)
        elif scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
        elif scope["path"] == "/events":
            await self.events(scope, receive, send)
        else:
            await self.pages(scope, receive, send)


def listen(host: str, port: int) -> socket.socket:
    """The listening socket. OSError where the port is taken: callers say so in one line, before anything is made."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    listener.set_inheritable(True)
    return listener


async def serve(
    stop: asyncio.Event,
    listener: socket.socket | None = None,
    on_ready: Callable[[], None] | None = None,
) -> None:
    """Answer HTTP on `listener` (default: the configured address) until `stop` is set; ends within `GRACE` seconds."""
    listener = listener or listen(*settings.HTTP_LISTEN)
    hub = live.Hub()
    await hub.start()
    web = Web(hub)
    server = _Server(_config(web))
    running = asyncio.create_task(server.serve(sockets=[listener]))
    stopped = asyncio.Event()
    following = asyncio.create_task(mail_settings.follow(stopped))
    try:
        await _announce(server, running, on_ready)
        waiting = asyncio.create_task(stop.wait())
        await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
    finally:
        web.events.close()
        server.should_exit = True
        await running
        stopped.set()
        await following
        web.pages.close()
        await hub.stop()
        listener.close()


def _config(web: Web) -> uvicorn.Config:
    return uvicorn.Config(
        web,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.TRUSTED_PROXIES),
        forwarded_allow_ips=settings.TRUSTED_PROXIES,
        timeout_graceful_shutdown=GRACE,
        timeout_keep_alive=75,
    )


async def _announce(server: uvicorn.Server, running: asyncio.Task[None], on_ready: Callable[[], None] | None) -> None:
    while not server.started and not running.done():
        await asyncio.sleep(0.01)
    if on_ready and server.started:
        on_ready()


async def _live_along(receive: Receive, send: Send) -> None:
    while True:
        event = await receive()
        await send({"type": f"{event['type']}.complete"})
        if event["type"] == "lifespan.shutdown":
            return
