"""Webhook calls over the loopback: signed, bounded, and only where we may go."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography.x509 import DNSName
from tests.mailroom.smtp.certificates import make_certificate
from tests.workers.test_workers import NOON

from answerback.desk.calling_webhooks import webhook_http, webhooks
from answerback.desk.calling_webhooks.webhook_http import Request, may_call
from answerback.desk.calling_webhooks.webhook_policy import FORBIDDEN, Answer
from answerback.rules import webhooks as rows
from answerback.rules.models import WebhookCall
from answerback.rules.webhooks import Wanted
from answerback.workers import call_webhooks


class Receiver(ThreadingHTTPServer):
    """Answers as its path says, and keeps what it was sent."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seen: list[tuple[str, dict[str, str], bytes]] = []

    def url(self, path: str = "/200", scheme: str = "http", host: str = "127.0.0.1") -> str:
        return f"{scheme}://{host}:{self.server_port}{path}"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        match self.path:
            case "/slow":
                time.sleep(5)
            case "/drip":
                self._drip()
            case "/endless":
                self._endless()
            case "/302":
                self._say(302, b"", {"Location": self.server.url("/200")})
            case "/429":
                self._say(429, b"slow down", {"Retry-After": "120"})
            case path:
                self._say(int(path[1:4]), b"\x00received\xff")

    def _say(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _drip(self) -> None:
        for letter in b"HTTP/1.1 200 OK\r\n" + b"X-Slow: 1\r\n" * 50:
            self.wfile.write(bytes([letter]))
            self.wfile.flush()
            time.sleep(0.05)

    def _endless(self) -> None:
        self.send_response(200)
        self.end_headers()
        while True:
            self.wfile.write(b"x" * 65536)

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def handle(self) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):
            super().handle()


@contextmanager
def receiving(context: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    with Receiver() as receiver:
        if context:
            receiver.socket = context.wrap_socket(receiver.socket, server_side=True)
        thread = threading.Thread(target=receiver.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield receiver
        receiver.shutdown()


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.WEBHOOK_PRIVATE = True
    with receiving() as one:
        yield one


def post(url: str, **given: Any) -> Answer:
    return asyncio.run(webhook_http.post(Request(url, b'{"id": "1"}', {}, "secret", **given), NOON))


def test_a_call_is_signed_and_names_its_event(receiver: Receiver) -> None:
    answer = post(receiver.url("/200?a=b"))
    assert (answer.status, answer.response) == (200, "�received�")
    [(path, headers, body)] = receiver.seen
    assert path == "/200?a=b"
    assert headers["host"] == f"127.0.0.1:{receiver.server_port}"
    assert headers["content-type"] == "application/json; charset=utf-8"
    assert headers["x-answerback-webhook-signature-timestamp"] == "2026-11-23T12:00:00Z"
    expected = hmac.new(b"secret", b"2026-11-23T12:00:00Z" + body, hashlib.sha256).digest()
    assert headers["x-answerback-webhook-signature"] == base64.b64encode(expected).decode()


def test_authentication_of_both_kinds(receiver: Receiver) -> None:
    post(receiver.url(), basic=("desk", "s3cret"))
    post(receiver.url(), bearer="abc")
    basic, bearer = (headers["authorization"] for _, headers, _ in receiver.seen)
    assert base64.b64decode(basic.removeprefix("Basic ")) == b"desk:s3cret"
    assert bearer == "Bearer abc"


def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    assert post(receiver.url("/302")).status == 302
    assert len(receiver.seen) == 1


def test_retry_after_is_handed_on(receiver: Receiver) -> None:
    assert post(receiver.url("/429")).retry_after == "120"


@pytest.mark.parametrize("path", ["/slow", "/drip"])
def test_a_slow_server_is_left(receiver: Receiver, settings: Any, path: str) -> None:
    settings.WEBHOOK_TIMEOUT = 0.3
    started = time.monotonic()
    assert post(receiver.url(path)).error == "timeout"
    assert time.monotonic() - started < 2


def test_of_an_endless_answer_only_the_beginning_is_read(receiver: Receiver) -> None:
    answer = post(receiver.url("/endless"))
    assert (answer.status, len(answer.response)) == (200, webhook_http.RESPONSE_KEPT)


def test_private_networks_are_not_called(receiver: Receiver, settings: Any) -> None:
    settings.WEBHOOK_PRIVATE = False
    for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]"):
        assert post(receiver.url(host=host)).error == FORBIDDEN
    assert receiver.seen == []


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("203.0.114.9", True),
        ("2a00:1450:4001::1", True),
        ("10.0.0.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:192.168.0.1", False),
        ("64:ff9b::a00:1", False),
        ("2002:7f00:1::", False),
        ("224.0.0.1", False),
        ("0.0.0.0", False),
    ],
)
def test_where_a_webhook_may_go(address: str, allowed: bool) -> None:
    assert may_call(address) is allowed


def test_nobody_there(receiver: Receiver) -> None:
    url = receiver.url()
    receiver.server_close()
    assert post(url).error.startswith("connection ")
    assert post("http://nowhere.invalid/").error.startswith("no_such_host")


def test_the_certificate_is_checked_against_the_name(settings: Any, tmp_path: Path) -> None:
    settings.WEBHOOK_PRIVATE = True
    certificate = make_certificate(tmp_path, DNSName("localhost"))
    with receiving(certificate.context) as receiver:
        settings.TLS_CA_FILE = certificate.ca_file
        assert post(receiver.url(scheme="https", host="localhost")).status == 200
        assert "certificate" in post(receiver.url(scheme="https")).error, "the address alone is another name"


def test_where_nothing_is_due_it_waits_for_nobody_who_writes(db: None) -> None:
    """On SQLite this test's own transaction writes all the while."""
    rows.save_webhook(None, Wanted("good", "https://hooks.acme.test/", (), True))
    began = time.monotonic()
    asyncio.run(call_webhooks.once())
    assert time.monotonic() - began < 5


@pytest.mark.django_db(transaction=True)
def test_what_waits_is_sent_and_written_down(receiver: Receiver) -> None:
    good = rows.save_webhook(None, Wanted("good", receiver.url("/200"), (), True, headers="X-Team: two"))
    bad = rows.save_webhook(None, Wanted("bad", receiver.url("/503"), (), True))
    for webhook in (good, bad):
        webhooks.call(webhook.pk, "trigger", {"text": "grün"})
    asyncio.run(call_webhooks.once())
    found = WebhookCall.objects.order_by("status_code").values_list("state", "status_code", "attempts")
    assert list(found) == [("arrived", 200, 1), ("waiting", 503, 1)]
    _, headers, body = next(one for one in receiver.seen if one[0] == "/200")
    call = WebhookCall.objects.get(webhook=good)
    assert headers["x-team"] == "two"
    assert headers["x-answerback-webhook-event-id"] == call.event_id == json.loads(body)["id"]
    assert json.loads(body)["text"] == "grün"
    [line] = WebhookCall.objects.get(webhook=bad).history
    assert line["status"] == 503
