"""A provider's token endpoint on loopback (RFC 6749 §3.2)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl


@dataclass
class TokenServer:
    """`answers` are given one after the other, the last one for good; `forms` are what it was asked with."""

    url: str
    answers: list[tuple[int, bytes]]
    forms: list[dict[str, str]] = field(default_factory=list)


@contextmanager
def token_server(*answers: tuple[int, bytes]) -> Iterator[TokenServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.forms.append(dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode())))
            status, body = told.answers[min(len(told.forms), len(told.answers)) - 1]
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        told = TokenServer(f"http://127.0.0.1:{server.server_port}/token", list(answers))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield told
        server.shutdown()
