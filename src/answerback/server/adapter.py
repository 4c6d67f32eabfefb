"""ASGI outside, WSGI inside: uvicorn's connections on the loop, Django's views in a pool of threads.

Policy (docs/decisions/0006-pages-in-threads.md says why not Django's own ASGI handler):
- The body is spooled before a thread is taken, so slow uploads hold no thread. It is capped; more is answered 413.
- Each thread keeps its database connection between requests.
- Responses leave chunk by chunk. A client that reads nothing for `SEND_TIMEOUT` or has gone frees its thread.
- Header names with `_` are dropped: in WSGI they would be taken for those with `-`. Repeated headers are joined.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as SendTimeoutError
from tempfile import SpooledTemporaryFile
from typing import IO, Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
WsgiApplication = Callable[..., Iterable[bytes]]
Headers = list[tuple[bytes, bytes]]

SPOOL_IN_MEMORY = 2**20
SEND_TIMEOUT = 60  # seconds
_UNPREFIXED = {"CONTENT_TYPE", "CONTENT_LENGTH"}

log = logging.getLogger(__name__)


class BodyTooLargeError(Exception):
    pass


class ClientGoneError(Exception):
    pass


class Adapter:
    """The ASGI application that answers plain requests."""

    def __init__(self, application: WsgiApplication, threads: int, max_body: int) -> None:
        self._application = application
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="web")
        self._max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with SpooledTemporaryFile(max_size=SPOOL_IN_MEMORY) as body:
            try:
                size = await self._spool(receive, body)
            except ClientGoneError:
                return
            except BodyTooLargeError:
                await answer_plainly(send, 413, b"The request is too large.")
                return
            # a body that came in chunks has no length of its own, and Django reads no further than this
            await self._run(make_environ(scope, body) | {"CONTENT_LENGTH": str(size)}, receive, send)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _spool(self, receive: Receive, body: IO[bytes]) -> int:
        size = 0
        while True:
            event = await receive()
            if event["type"] == "http.disconnect":
                raise ClientGoneError
            chunk = event.get("body", b"")
            size += len(chunk)
            if size > self._max_body:
                raise BodyTooLargeError
            body.write(chunk)
            if not event.get("more_body", False):
                body.seek(0)
                return size

    async def _run(self, environ: dict[str, Any], receive: Receive, send: Send) -> None:
        loop = asyncio.get_running_loop()
        response = _Response(loop, send)
        watcher = asyncio.create_task(_watch(receive, response))
        try:
            await loop.run_in_executor(self._pool, response.run, self._application, environ)
        finally:
            watcher.cancel()


class _Response:
    """One answer on its way: `run` is in a thread, the sending on the loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, send: Send) -> None:
        self._loop, self._send = loop, send
        self._status, self._headers = 500, list[tuple[bytes, bytes]]()
        self._started = False
        self.gone = False

    def run(self, application: WsgiApplication, environ: dict[str, Any]) -> None:
        chunks: Iterable[bytes] = ()
        try:
            chunks = application(environ, self.start_response)
            for chunk in chunks:
                if chunk:
                    self._emit(chunk, more=True)
            self._emit(b"", more=False)
        except ClientGoneError:
            log.debug("%s: the client has gone", environ["PATH_INFO"])
        finally:
            if close := getattr(chunks, "close", None):
                close()

    def start_response(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[..., None]:
        self._status = int(status.partition(" ")[0])
        self._headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        return lambda chunk: self._emit(chunk, more=True)

    def _emit(self, chunk: bytes, *, more: bool) -> None:
        if not self._started:
            self._started = True
            self._put({"type": "http.response.start", "status": self._status, "headers": self._headers})
        self._put({"type": "http.response.body", "body": chunk, "more_body": more})

    def _put(self, event: MutableMapping[str, Any]) -> None:
        if self.gone:
            raise ClientGoneError
        future = asyncio.run_coroutine_threadsafe(_call(self._send, event), self._loop)
        try:
            future.result(SEND_TIMEOUT)
        except (SendTimeoutError, OSError) as error:
            future.cancel()
            raise ClientGoneError from error


async def _call(send: Send, event: MutableMapping[str, Any]) -> None:
    await send(event)


async def _watch(receive: Receive, response: _Response) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    response.gone = True


def make_environ(scope: Scope, body: IO[bytes]) -> dict[str, Any]:
    """The WSGI environment (PEP 3333) of an ASGI http scope. Text is bytes read as latin-1, as WSGI wants it."""
    server = scope.get("server") or ("localhost", 80)
    client = scope.get("client") or ("", 0)
    root = scope.get("root_path", "")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": _wsgi_text(root),
        "PATH_INFO": _wsgi_text(scope["path"].removeprefix(root)),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": str(server[0]),
        "SERVER_PORT": str(server[1] or 80),
        "SERVER_PROTOCOL": f"HTTP/{scope.get('http_version', '1.1')}",
        "REMOTE_ADDR": str(client[0]),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": body,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for raw_name, raw_value in scope["headers"]:
        _add_header(environ, raw_name.decode("latin-1"), raw_value.decode("latin-1"))
    return environ


def _add_header(environ: dict[str, Any], name: str, value: str) -> None:
    if "_" in name:
        return
    key = name.upper().replace("-", "_")
    if key not in _UNPREFIXED:
        key = f"HTTP_{key}"
    joint = "; " if key == "HTTP_COOKIE" else ","
    environ[key] = f"{environ[key]}{joint}{value}" if key in environ else value


def _wsgi_text(text: str) -> str:
    return text.encode("utf-8").decode("latin-1")


async def answer_plainly(send: Send, status: int, text: bytes) -> None:
    headers: Headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text})
