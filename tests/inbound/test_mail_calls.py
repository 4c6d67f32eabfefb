"""Mail by webhook: octet for octet what the customer's server sent, whichever service took it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.http import HttpResponse
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from tests.inbound.provider_calls import MAILGUN_KEY, SECRETS, make_certificate, signed, sns
from tests.world import make_world

from answerback.core import rate
from answerback.inbound import calls, mail_calls
from answerback.inbound import sns as amazon
from answerback.outbound import providers
from answerback.store import raw
from answerback.store.models import RawMail
from answerback.tickets.models import Comment, Ticket
from answerback.workers import receive

pytestmark = pytest.mark.django_db
SUPPORT, CLARA = "support@acme.test", "clara@customer.test"
CERTIFICATE = make_certificate()
ASCII = (
    b"Received: from mx.customer.test by in.service.test\r\n"
    b"From: Clara <clara@customer.test>\r\nTo: support@acme.test\r\n"
    b"Message-ID: <1@customer.test>\r\nDate: Tue, 3 Nov 2026 10:00:00 +0100\r\nSubject: Printer\r\n\r\nIt burns.\r\n"
)
# octets that are no UTF-8, and a boundary inside
LATIN = ASCII.replace(b"It burns.", b"Gr\xfc\xdfe \x80\xff\r\n--in-the-mail--")
Posted = tuple[bytes, str, dict[str, str]]


def mailgun(content: bytes, form: bool = False) -> Posted:
    unix, token = str(int(datetime.now(UTC).timestamp())), "a" * 50
    signature = hmac.new(MAILGUN_KEY.encode(), f"{unix}{token}".encode(), hashlib.sha256).hexdigest()
    told = {"recipient": SUPPORT, "sender": CLARA, "timestamp": unix, "token": token, "signature": signature}
    fields = {name: value.encode() for name, value in told.items()} | {"body-mime": content}
    if form:
        return urlencode(fields).encode(), "application/x-www-form-urlencoded", {}
    return _multipart(fields), 'multipart/form-data; boundary="xYzZY"', {}


def sendgrid(content: bytes) -> Posted:
    envelope = json.dumps({"to": [SUPPORT], "from": CLARA}).encode()
    body = _multipart({"headers": b"x", "email": content, "envelope": envelope, "charsets": b"{}"})
    return body, "multipart/form-data; boundary=xYzZY", signed("sendgrid", body)


def postmark(content: bytes) -> Posted:
    mail = {
        "FromFull": {"Email": CLARA},
        "OriginalRecipient": SUPPORT,
        "Headers": [{"Name": "Return-Path", "Value": f"<{CLARA}>"}, {"Name": "X-Spam-Score", "Value": "0.1"}],
        "TextBody": "It burns.",
        "RawEmail": content.decode(),
    }
    body = json.dumps(mail).encode()
    return body, "application/json", signed("postmark", body)


def sparkpost(content: bytes) -> Posted:
    message = {
        "content": {"email_rfc822": base64.b64encode(content).decode(), "email_rfc822_is_base64": True},
        "msg_from": CLARA,
        "rcpt_to": SUPPORT,
        "protocol": "smtp",
    }
    body = json.dumps([{"msys": {"relay_message": message}}]).encode()
    return body, "application/json", signed("sparkpost", body)


def ses(content: bytes) -> Posted:
    told = {
        "notificationType": "Received",
        "receipt": {"recipients": [SUPPORT], "action": {"type": "SNS", "encoding": "BASE64"}},
        "mail": {"source": CLARA, "destination": [SUPPORT]},
        "content": base64.b64encode(content).decode(),
    }
    return json.dumps(sns("Notification", Message=json.dumps(told))).encode(), "text/plain; charset=UTF-8", {}


SERVICES: Mapping[str, Callable[[bytes], Posted]] = {
    "mailgun": mailgun,
    "postmark": postmark,
    "sendgrid": sendgrid,
    "ses": ses,
    "sparkpost": sparkpost,
}


def _multipart(fields: Mapping[str, bytes]) -> bytes:
    head = '--xYzZY\r\nContent-Disposition: form-data; name="{}"\r\n\r\n'
    return b"".join(head.format(name).encode() + value + b"\r\n" for name, value in fields.items()) + b"--xYzZY--\r\n"


@pytest.fixture(autouse=True)
def set_up(settings: Any, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.MAIL_DOMAIN = settings.RETURN_PATH_DOMAIN = "acme.test"
    settings.AUTHSERV_ID = "mx.acme.test"
    settings.EVENT_SECRETS = dict(SECRETS)
    monkeypatch.setattr(amazon, "certificate", lambda url: CERTIFICATE)
    monkeypatch.setattr(calls, "_LOGGED", rate.Counter(60))
    make_world()


def post(service: str, body: bytes, kind: str, headers: dict[str, str]) -> HttpResponse:
    response: HttpResponse = Client().post(f"/hooks/{service}/mail", body, kind, headers=headers)
    return response


def test_who_can_hand_over_mail() -> None:
    able = {key for key, provider in providers.PROVIDERS.items() if provider.hands_over_mail}
    assert able == set(mail_calls.READERS) == set(SERVICES)


@pytest.mark.parametrize("service", SERVICES)
def test_it_is_stored_as_it_came_then_read(service: str) -> None:
    response = post(service, *SERVICES[service](ASCII))
    assert (response.status_code, response.json()) == (200, {"state": "stored"})
    kept = RawMail.objects.get()
    assert raw.content(kept) == ASCII
    assert (kept.doorway, kept.envelope_from, kept.envelope_to, kept.peer) == ("webhook", CLARA, [SUPPORT], "")
    assert kept.state == "received"
    receive.once()
    ticket = Ticket.objects.get()
    assert (ticket.subject, ticket.requester.name) == ("Printer", "Clara Customer")


@pytest.mark.parametrize("service", ["mailgun", "sendgrid", "ses", "sparkpost"])
def test_octets_that_are_no_text(service: str) -> None:
    post(service, *SERVICES[service](LATIN))
    assert raw.content(RawMail.objects.get()) == LATIN


def test_a_form_of_the_other_kind() -> None:
    assert post("mailgun", *mailgun(LATIN, form=True)).status_code == 200
    assert raw.content(RawMail.objects.get()) == LATIN


def test_a_large_mail(settings: Any) -> None:
    """Larger than a form may be, and as large as a mail may be."""
    large = ASCII + b"x" * (settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
    assert post("sendgrid", *sendgrid(large)).status_code == 200
    assert raw.content(RawMail.objects.get()) == large
    settings.MAX_MESSAGE_SIZE = len(ASCII)
    refused = post("sendgrid", *sendgrid(large))
    assert (refused.status_code, refused.json()) == (413, {"error": "too_big"})
    assert RawMail.objects.count() == 1


def test_one_mail_by_every_door_is_one_comment() -> None:
    raw.save(
        ASCII.replace(b"in.service.test", b"mx.acme.test"), doorway="smtp", envelope_from=CLARA, envelope_to=[SUPPORT]
    )
    for service, posted in SERVICES.items():
        assert post(service, *posted(ASCII)).status_code == 200
    receive.once()
    assert Comment.objects.count() == 1
    assert sorted(RawMail.objects.values_list("state", flat=True)) == ["ignored"] * 5 + ["ticket"]


def test_an_unknown_return_path_is_not_a_null_one() -> None:
    """Postmark leaves it out at times; a mail without sender would count as automatic."""
    body = json.dumps({"RawEmail": ASCII.decode(), "OriginalRecipient": SUPPORT}).encode()
    post("postmark", body, "application/json", signed("postmark", body))
    receive.once()
    assert Comment.objects.get().automatic == ""


@pytest.mark.parametrize(
    ("service", "posted", "status", "reason"),
    [
        ("postmark", (b'{"TextBody": "parsed"}', "application/json", signed("postmark", b"")), 422, "no_raw_mail"),
        ("postmark", (b'{"RawEmail": ""}', "application/json", signed("postmark", b"")), 422, "no_raw_mail"),
        ("postmark", (b'{"RawEmail": ["x"]}', "application/json", signed("postmark", b"")), 422, "no_raw_mail"),
        ("postmark", (b"From: a@b.test", "message/rfc822", signed("postmark", b"")), 415, "not_json"),
        ("postmark", (b'{"RawEmail": "From: a"}', "application/json", {}), 401, "unsigned"),
        ("mailgun", (mailgun(ASCII)[0].replace(b"timestamp", b"time"), mailgun(ASCII)[1], {}), 403, "bad_signature"),
        ("mailgun", (b"body-mime=x", "application/x-www-form-urlencoded", {}), 401, "unsigned"),
        ("mailgun", (b"\xff" * 1000, "multipart/form-data; boundary=\xff", {}), 401, "unsigned"),
        (
            "sendgrid",
            (sendgrid(ASCII)[0], "multipart/form-data; boundary=x", signed("sendgrid", b"")),
            403,
            "bad_signature",
        ),
        ("brevo", (b"{}", "application/json", signed("brevo", b"")), 404, "no_door"),
    ],
)
def test_what_is_turned_away(
    service: str, posted: Posted, status: int, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger=calls.__name__):
        response = post(service, *posted)
    assert (response.status_code, response.json()) == (status, {"error": reason})
    assert not RawMail.objects.exists()
    assert f"({reason}, from 127.0.0.1)" in caplog.text


def test_what_cannot_be_stored_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    posted = postmark(ASCII)
    with monkeypatch.context() as broken:
        broken.setattr(raw, "save_all", lambda *_: (_ for _ in ()).throw(OSError("no space left")))
        assert post("postmark", *posted).json() == {"error": "not_stored"}
    assert post("postmark", *posted).json() == {"state": "stored"}


def test_calls_that_hold_no_mail_are_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(amazon, "confirm", lambda topic, token: None)
    subscription = json.dumps(sns("SubscriptionConfirmation", Message="x", Token="t", SubscribeURL="x")).encode()
    assert post("ses", subscription, "text/plain", {}).json() == {"state": "nothing"}
    ping = b'[{"msys": {}}]'
    assert post("sparkpost", ping, "application/json", signed("sparkpost", ping)).json() == {"state": "nothing"}


_any = st.recursive(
    st.none() | st.booleans() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["RawEmail", "Headers", "msys", "relay_message", "content", "receipt", "recipients", "Message", "Type"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@given(
    service=st.sampled_from(["postmark", "sparkpost", "ses"]), content=st.dictionaries(st.text(max_size=3), _any) | _any
)
def test_any_shape_gives_mail_or_none(service: str, content: object) -> None:
    if isinstance(content, dict | list) and not (service == "ses" and isinstance(content, list)):
        mail_calls.READERS[service](content)


@given(body=st.binary(max_size=300), kind=st.sampled_from(["multipart/form-data; boundary=--a", "x", "text/plain"]))
def test_any_octets_make_a_form(body: bytes, kind: str) -> None:
    assert isinstance(mail_calls.form_of(body, kind), dict)
