"""A mail service calls: what is let in, what becomes of it, and what is turned away with a word."""

from __future__ import annotations

import http.server
import json
import logging
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.x509 import DNSName
from django.http import HttpResponse
from django.test import Client, override_settings
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from tests.inbound.provider_calls import (
    BUSY,
    CERTIFICATE_URL,
    PROVIDERS,
    SECRETS,
    TOPIC,
    UNKNOWN_USER,
    Mail,
    make_certificate,
    posted,
    signed,
    sns,
    told,
)
from tests.mailroom.smtp.certificates import make_certificate as make_server_certificate
from tests.world import make_world

from answerback.api.notifications import present_recipient
from answerback.core import rate
from answerback.desk import delivery_events
from answerback.inbound import calls
from answerback.inbound import sns as amazon
from answerback.outbound import envelopes, providers, standing
from answerback.outbound.models import Delivery, DeliveryEvent, Message
from answerback.outbound.tokens import Signer
from answerback.people.models import Identity
from answerback.reports import readiness
from answerback.store import raw
from answerback.store.models import RawMail
from answerback.tickets.models import Event
from answerback.workers import receive

QUEUE_ID = "0100019a-5f3c-4c7e-9a43-d1f2a6c1b0aa"
CERTIFICATE = make_certificate()
ASK_AMAZON = amazon.certificate


@pytest.fixture(autouse=True)
def set_up(settings: Any, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.MAIL_DOMAIN = settings.RETURN_PATH_DOMAIN = "acme.test"
    settings.EVENT_SECRETS = dict(SECRETS)
    monkeypatch.setattr(amazon, "certificate", lambda url: CERTIFICATE)
    monkeypatch.setattr(calls, "_LOGGED", rate.Counter(60))


def send() -> list[Delivery]:
    """Ada's answer to Clara with Deniz in Cc, both copies taken by the mail service."""
    world = make_world()
    world.answer(world.ticket(ccs=[world.deniz]))
    rows = list(Delivery.objects.filter(kind=Message.Kind.ANSWER).order_by("id"))
    assert len(rows) == 2
    for row in rows:
        world.outcome(row, f"250 2.0.0 Ok: queued as {QUEUE_ID}-{row.pk}", final=False)
    return rows


@pytest.fixture
def sent(db: None) -> list[Delivery]:
    return send()


def mail_of(row: Delivery) -> Mail:
    token = Signer.current().delivery_token(row.pk)
    return Mail(row.recipient, token, row.message.message_id, f"{QUEUE_ID}-{row.pk}")


def call(provider: str, body: bytes, headers: dict[str, str], kind: str = "application/json") -> HttpResponse:
    response: HttpResponse = Client().post(f"/hooks/{provider}/events", body, kind, headers=headers)
    return response


def tell(provider: str, *events: dict[str, Any]) -> None:
    """Post the events, and let them have their effect."""
    response = call(provider, *posted(provider, events))
    assert (response.status_code, response.json()) == (200, {"state": "stored"})
    settle()


def settle() -> None:
    receive.once()
    delivery_events.react()


def state(row: Delivery) -> str:
    return Delivery.objects.get(pk=row.pk).state


# What becomes of it


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_failure_is_stored_then_told_on_the_ticket(provider: str, sent: Sequence[Delivery]) -> None:
    clara, deniz = sent
    body, headers = posted(provider, [told(provider, "bounced", mail_of(clara))])
    assert call(provider, body, headers).json() == {"state": "stored"}
    kept = RawMail.objects.get()
    assert (raw.content(kept), kept.doorway, kept.state) == (body, f"event-{provider}", "received")
    assert state(clara) == "accepted", "first stored, then read"

    settle()
    row = Delivery.objects.get(pk=clara.pk)
    assert (row.state, row.cause, row.enhanced_code) == ("failed", "address_unknown", "5.1.1")
    assert (row.told_by, row.permanent, state(deniz)) == (provider, True, "accepted")
    event = DeliveryEvent.objects.get(delivery=clara, fact="report_failed")
    assert (event.source, event.match, event.told_by, event.raw_mail_id) == ("webhook", "token", provider, kept.pk)
    kept.refresh_from_db()
    assert (kept.state, kept.reason, kept.kind, kept.ticket_id) == ("report", "event", "event", clara.ticket_id)
    assert "system_email_notification_failure" in row.ticket.tags.values_list("name", flat=True)  # type: ignore[union-attr]
    assert Identity.objects.get(normal=clara.recipient).deliverability == "suppressed"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_delivered_only_where_the_provider_says_so(provider: str, sent: Sequence[Delivery]) -> None:
    clara, deniz = sent
    tell(provider, told(provider, "opened", mail_of(clara)))
    assert state(clara) == "accepted"
    assert RawMail.objects.get().reason == "no-outcome"
    tell(provider, told(provider, "delivered", mail_of(clara)))
    assert (state(clara), state(deniz)) == ("delivered", "accepted")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_complaint_is_noted_and_moves_nothing(provider: str, sent: Sequence[Delivery]) -> None:
    clara, _ = sent
    tell(provider, told(provider, "complained", mail_of(clara)))
    assert state(clara) == "accepted"
    note = Event.objects.get(kind=Event.Kind.DELIVERY_NOTE)
    assert (note.data["note"], note.data["feedback_type"], note.data["told_by"]) == ("complaint", "abuse", provider)


def test_who_unsubscribed_did_not_report_spam(sent: Sequence[Delivery], client: Client) -> None:
    clara, _ = sent
    tell("mailgun", told("mailgun", "unsubscribed", mail_of(clara)))
    client.login(username="ada@acme.test", password="correct horse battery")
    page = client.get(f"/tickets/{clara.ticket_id}?events").content.decode()
    assert "Clara Customer unsubscribed from our mail" in page
    assert "marked this mail as spam" not in page


def test_still_trying(sent: Sequence[Delivery]) -> None:
    clara, _ = sent
    tell("postmark", told("postmark", "deferred", mail_of(clara)))
    assert Delivery.objects.filter(pk=clara.pk).values_list("state", "diagnostic").get() == ("delayed", f"smtp;{BUSY}")


# Whose it is


def test_a_provider_that_keeps_nothing_for_us_is_matched_by_message_id(sent: Sequence[Delivery]) -> None:
    clara, deniz = sent
    mail = Mail("Clara@Customer.test", message_id=clara.message.message_id, queue_id="")
    tell("mailgun", told("mailgun", "bounced", mail))
    assert (state(clara), state(deniz)) == ("failed", "accepted")
    assert DeliveryEvent.objects.get(delivery=clara, fact="report_failed").match == "provider"


def test_or_by_the_name_under_which_it_took_the_mail(sent: Sequence[Delivery]) -> None:
    """Two copies of one mail to one address: Message-ID and recipient do not tell which."""
    clara, deniz = sent
    tell("ses", told("ses", "bounced", Mail(deniz.recipient, queue_id=f"{QUEUE_ID}-{deniz.pk}")))
    assert (state(clara), state(deniz)) == ("accepted", "failed")


def test_a_mail_sent_again_is_told_from_the_first(sent: Sequence[Delivery]) -> None:
    clara, _ = sent
    again = Delivery.objects.create(
        **{
            name: getattr(clara, name)
            for name in ("message", "ticket", "kind", "person", "identity", "recipient", "role", "destination")
        },
        state="accepted",
        queued_at=clara.queued_at,
        updated_at=clara.updated_at,
        resent_from=clara,
    )
    tell("mailgun", told("mailgun", "bounced", Mail(clara.recipient, "", clara.message.message_id)))
    assert (state(clara), state(again)) == ("accepted", "accepted"), "either may be meant"
    tell("mailgun", told("mailgun", "bounced", mail_of(again)))
    assert (state(clara), state(again)) == ("accepted", "failed")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_matches_nothing_marks_nobody(provider: str, sent: Sequence[Delivery]) -> None:
    """A newsletter of the same account, to the same customer."""
    clara, deniz = sent
    other = Mail(clara.recipient, message_id="<news-1@acme.test>", queue_id="4f1c7d4e-0000-4000-8000-9a43d1f2a6c1")
    tell(provider, told(provider, "bounced", other))
    assert (state(clara), state(deniz)) == ("accepted", "accepted")
    kept = RawMail.objects.get()
    assert (kept.state, kept.reason) == ("ignored", "other-mail")
    assert Identity.objects.get(normal=clara.recipient).deliverability != "suppressed"


def test_a_token_that_we_did_not_sign(sent: Sequence[Delivery]) -> None:
    clara, _ = sent
    genuine = mail_of(clara).token
    forged = genuine[:-1] + ("2" if genuine[-1] != "2" else "3")
    tell("postmark", told("postmark", "bounced", Mail(clara.recipient, forged, queue_id="")))
    assert state(clara) == "accepted"


def test_a_gathered_call_is_split_to_whom_it_concerns(sent: Sequence[Delivery]) -> None:
    clara, deniz = sent
    foreign = Mail("somebody@else.test")
    tell(
        "sendgrid",
        told("sendgrid", "bounced", mail_of(deniz)),
        told("sendgrid", "bounced", foreign),
        told("sendgrid", "delivered", mail_of(clara)),
    )
    assert (state(clara), state(deniz)) == ("delivered", "failed")


# Again, and in any order


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_same_call_again_is_known(provider: str, sent: Sequence[Delivery]) -> None:
    body, headers = posted(provider, [told(provider, "bounced", mail_of(sent[0]))])
    assert call(provider, body, headers).json() == {"state": "stored"}
    assert call(provider, body, headers).json() == {"state": "known"}
    settle()
    assert call(provider, body, headers).json() == {"state": "known"}
    assert RawMail.objects.count() == 1


def test_reading_it_twice_changes_nothing(sent: Sequence[Delivery]) -> None:
    """As after a crash between the effect and its note."""
    clara, _ = sent
    tell("brevo", told("brevo", "bounced", mail_of(clara)))
    before = DeliveryEvent.objects.count()
    RawMail.objects.update(state="received")
    settle()
    assert DeliveryEvent.objects.count() == before
    assert RawMail.objects.get().state == "report"


class InAnyOrder(TestCase):
    """Calls overtake each other, come twice, and tell the same under another id."""

    @classmethod
    def setUpTestData(cls) -> None:
        with override_settings(MAIL_DOMAIN="acme.test", RETURN_PATH_DOMAIN="acme.test"):
            cls.clara, cls.deniz = send()

    @settings(max_examples=25)
    @given(
        provider=st.sampled_from(["sendgrid", "mailjet", "sparkpost"]),
        whats=st.lists(st.sampled_from(["deferred", "delivered", "bounced", "complained"]), min_size=1, max_size=6),
        gathered=st.booleans(),
    )
    def test_the_end_is_the_same(self, provider: str, whats: list[str], gathered: bool) -> None:
        start = datetime.now(UTC)
        events = [
            told(provider, what, mail_of(self.clara), at=start + timedelta(seconds=number))
            for number, what in enumerate(whats)
        ]
        for together in [events] if gathered else [[event] for event in events]:
            tell(provider, *together)
        ends = [("bounced", "failed"), ("delivered", "delivered"), ("deferred", "delayed")]
        expected = next((end for what, end in ends if what in whats), "accepted")
        assert (state(self.clara), state(self.deniz)) == (expected, "accepted")
        facts = list(DeliveryEvent.objects.filter(delivery=self.clara, source="webhook").values_list("fact", flat=True))
        assert len(facts) == len(set(facts)) == len(set(whats)), "each is told once"


# What is turned away


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("provider", "body", "headers", "status", "reason"),
    [
        ("postmark", b"{}", {}, 401, "unsigned"),
        ("postmark", b"{}", {"Authorization": "Basic YW5zd2VyYmFjazp3cm9uZw=="}, 403, "bad_signature"),
        ("postmark", b"\xff\x00 garbage", signed("postmark", b""), 415, "not_json"),
        ("postmark", b'{"RecordType": "Bounce"', signed("postmark", b""), 415, "not_json"),
        ("postmark", b"[" * 100_000, signed("postmark", b""), 415, "not_json"),
        ("postmark", b'"Bounce"', signed("postmark", b""), 415, "not_json"),
        ("postmark", b"", signed("postmark", b""), 415, "not_json"),
        ("postmark", b"RecordType=Bounce&Email=clara@customer.test", signed("postmark", b""), 415, "not_json"),
        ("postmark", b" " * (6 * 2**20), signed("postmark", b""), 413, "too_big"),
        ("sendgrid", b"[]", signed("sendgrid", b"[{}]"), 403, "bad_signature"),
        ("sendgrid", b"[]", signed("sendgrid", b"[]", datetime.now(UTC) - timedelta(days=2)), 403, "replayed"),
        ("resend", b"{}", signed("resend", b"{}", datetime.now(UTC) - timedelta(minutes=6)), 403, "replayed"),
        (
            "ses",
            json.dumps(sns("Notification", Message="{}", TopicArn=TOPIC + "-eve")).encode(),
            {},
            403,
            "wrong_topic",
        ),
        ("nobody", b"{}", {}, 404, "not_set_up"),
    ],
)
def test_with_a_word_for_the_provider_and_a_line_for_the_admin(
    provider: str, body: bytes, headers: dict[str, str], status: int, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger=calls.__name__):
        response = call(provider, body, headers)
    assert (response.status_code, response.json()) == (status, {"error": reason})
    assert not RawMail.objects.exists()
    lines = [record.getMessage() for record in caplog.records if record.name == calls.__name__]
    assert len(lines) == (provider != "nobody")
    assert all(f"({reason}, from 127.0.0.1)" in line for line in lines)


@pytest.mark.django_db
def test_the_line_names_the_setting_once_a_minute(settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    settings.EVENT_SECRETS = {}
    with caplog.at_level(logging.WARNING, logger=calls.__name__):
        for _ in range(30):
            assert call("mailgun", b"{}", {}).status_code == 404
    assert [record.getMessage() for record in caplog.records if record.name == calls.__name__] == [
        "a call of Mailgun is refused (not_set_up, from 127.0.0.1): ANSWERBACK_EVENTS_MAILGUN is not set"
    ]


@pytest.mark.django_db
def test_how_one_knocks() -> None:
    client = Client(enforce_csrf_checks=True)
    assert client.head("/hooks/postmark/events").status_code == 200
    refused = client.get("/hooks/postmark/events")
    assert (refused.status_code, refused.json(), refused.headers["Allow"]) == (405, {"error": "not_post"}, "POST")
    asked = client.post("/hooks/postmark/events", b"{}", "application/json")
    assert (asked.status_code, asked.headers["WWW-Authenticate"]) == (401, 'Basic realm="hooks"')


def test_what_cannot_be_stored_comes_again(sent: Sequence[Delivery], monkeypatch: pytest.MonkeyPatch) -> None:
    body, headers = posted("postmark", [told("postmark", "bounced", mail_of(sent[0]))])
    with monkeypatch.context() as broken:
        broken.setattr(raw, "save_all", lambda *_, **__: (_ for _ in ()).throw(OSError("no space left")))
        response = call("postmark", body, headers)
    assert (response.status_code, response.json()) == (503, {"error": "not_stored"})
    assert call("postmark", body, headers).json() == {"state": "stored"}


def test_an_event_is_no_mail(sent: Sequence[Delivery], client: Client) -> None:
    """Where reading it fails it stands among what needs a person; a ticket cannot be made of it."""
    body, headers = posted("postmark", [told("postmark", "bounced", mail_of(sent[0]))])
    call("postmark", body, headers)
    RawMail.objects.update(state="unreadable", reason="crashed: KeyError")
    client.login(username="ada@acme.test", password="correct horse battery")
    kept = RawMail.objects.get()
    answer = client.post(f"/mail/{kept.pk}/act", {"act": "ticket"}, follow=True)
    assert "No ticket can be made of this mail." in answer.content.decode()
    shown = client.get(f"/mail/{kept.pk}").content.decode()
    assert "told by Postmark" in shown
    assert "HardBounce" in shown


# Amazon


@dataclass
class Amazon:
    """An SNS on the loopback: real TLS, with a certificate in Amazon's name."""

    pem: bytes = CERTIFICATE
    status: int = 200
    asked: list[str] = field(default_factory=list)


@contextmanager
def answering(server: Amazon, folder: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    host = "sns.eu-central-1.amazonaws.com"

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.asked.append(self.path)
            self.send_response(server.status)
            self.end_headers()
            self.wfile.write(server.pem)

        def log_message(self, *args: object) -> None:
            return

    listening = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    certificate = make_server_certificate(folder, DNSName(host))
    listening.socket = certificate.context.wrap_socket(listening.socket, server_side=True)
    settings.TLS_CA_FILE = certificate.ca_file
    connect = socket.create_connection

    def redirected(address: tuple[str, int], *args: Any, **kwargs: Any) -> socket.socket:
        return connect(listening.server_address[:2] if address == (host, 443) else address, *args, **kwargs)

    monkeypatch.setattr(socket, "create_connection", redirected)
    thread = threading.Thread(target=listening.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join(10)


@pytest.fixture
def asked(db: None, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Amazon]:
    """Amazon is really asked."""
    monkeypatch.setattr(amazon, "certificate", ASK_AMAZON)
    ASK_AMAZON.cache_clear()
    server = Amazon()
    with answering(server, tmp_path, settings, monkeypatch):
        yield server


def test_a_certificate_is_fetched_once(asked: Amazon) -> None:
    for number in range(3):
        body = json.dumps(sns("Notification", Message=json.dumps({"eventType": "Open", "n": number}))).encode()
        assert call("ses", body, {}, "text/plain; charset=UTF-8").json() == {"state": "stored"}
    assert asked.asked == [urlsplit(CERTIFICATE_URL).path]


def test_a_subscription_of_the_named_topic_is_confirmed(asked: Amazon) -> None:
    question = {
        "Message": "You have chosen to subscribe",
        "Token": "2336412f37fb687f",
        "SubscribeURL": "https://evil.test/",
    }
    body = json.dumps(sns("SubscriptionConfirmation", **question)).encode()
    assert call("ses", body, {}, "text/plain; charset=UTF-8").status_code == 200
    asked_for = urlsplit(asked.asked[-1])
    assert asked_for.path == "/"
    assert parse_qs(asked_for.query) == {
        "Action": ["ConfirmSubscription"],
        "TopicArn": [TOPIC],
        "Token": ["2336412f37fb687f"],
        "Version": ["2010-03-31"],
    }
    other = json.dumps(sns("SubscriptionConfirmation", TopicArn=TOPIC + "-of-eve", **question)).encode()
    assert call("ses", other, {}).json() == {"error": "wrong_topic"}
    assert len(asked.asked) == 2, "nobody else's topic is confirmed"


def test_amazon_does_not_answer(asked: Amazon) -> None:
    asked.status = 500
    body = json.dumps(sns("Notification", Message="{}")).encode()
    response = call("ses", body, {})
    assert (response.status_code, response.json()) == (503, {"error": "amazon_silent"})
    asked.status = 200
    assert call("ses", body, {}).status_code == 200


# The mark that travels with the mail, and what the doctor says


@pytest.mark.parametrize(
    ("provider", "header"),
    [
        ("brevo", 'X-Mailin-custom: {"answerback": "TOKEN"}'),
        ("mailgun", 'X-Mailgun-Variables: {"answerback": "TOKEN"}'),
        ("mailjet", 'X-MJ-EventPayload: {"answerback": "TOKEN"}'),
        ("postmark", "X-PM-Metadata-answerback: TOKEN"),
        ("sendgrid", 'X-SMTPAPI: {"unique_args": {"answerback": "TOKEN"}}'),
        ("sparkpost", 'X-MSYS-API: {"metadata": {"answerback": "TOKEN"}}'),
        ("ses", "X-Answerback-Delivery: TOKEN"),
        ("resend", "X-Answerback-Delivery: TOKEN"),
    ],
)
def test_each_copy_carries_its_token_where_the_provider_keeps_it(
    provider: str, header: str, sent: Sequence[Delivery], settings: Any
) -> None:
    settings.EVENT_SECRETS = {provider: SECRETS[provider]}
    for row, envelope in zip(sent, envelopes.load([row.pk for row in sent]), strict=True):
        unfolded = envelope.content.partition(b"\r\n\r\n")[0].replace(b"\r\n ", b" ").decode()
        assert header.replace("TOKEN", mail_of(row).token) in unfolded.split("\r\n")


def test_without_a_provider_the_mail_is_as_it_was(sent: Sequence[Delivery], settings: Any) -> None:
    settings.EVENT_SECRETS = {}
    [envelope] = envelopes.load([sent[0].pk])
    assert not any(name in envelope.content for name in (b"X-PM-", b"X-SMTPAPI", b"X-MSYS", b"X-M", b'answerback"'))


def _doctor() -> readiness.Check:
    return next(check for check in readiness.look() if check.id == "events")


def test_the_doctor_asks_for_what_is_missing(sent: Sequence[Delivery], settings: Any) -> None:
    settings.EVENT_SECRETS, settings.RELAY_URL = {}, "smtp://relay.acme.test"
    assert (_doctor().state, _doctor().warns) == ("not used", False)

    settings.RELAY_URL = "submission://key:key@smtp.postmarkapp.com"
    assert _doctor().warns
    assert "ANSWERBACK_EVENTS_POSTMARK" in _doctor().hint

    settings.EVENT_SECRETS = {"postmark": SECRETS["postmark"]}
    assert (_doctor().state, _doctor().warns) == ("Postmark: none yet", False), "the mail has only just left"
    Delivery.objects.update(updated_at=datetime.now(UTC) - timedelta(hours=2))
    assert _doctor().warns
    assert "/hooks/postmark/events" in _doctor().hint

    tell("postmark", told("postmark", "delivered", mail_of(sent[0])))
    assert not _doctor().warns
    assert _doctor().state.startswith("Postmark: last ")


@pytest.mark.parametrize(
    ("host", "provider"),
    [
        ("smtp-relay.brevo.com", "brevo"),
        ("smtp.eu.mailgun.org", "mailgun"),
        ("in-v3.mailjet.com", "mailjet"),
        ("SMTP.postmarkapp.com", "postmark"),
        ("smtp.resend.com", "resend"),
        ("smtp.sendgrid.net", "sendgrid"),
        ("email-smtp.eu-central-1.amazonaws.com", "ses"),
        ("email-smtp-fips.us-east-1.amazonaws.com", "ses"),
        ("smtp.eu.sparkpostmail.com", "sparkpost"),
        ("ec2-203-0-113-7.compute-1.amazonaws.com", ""),
        ("smtp-relay.gmail.com", ""),
        ("notsendgrid.net", ""),
        ("mail.acme.test", ""),
    ],
)
def test_whose_server_the_relay_is(host: str, provider: str) -> None:
    assert providers.provider_of(host) == provider


@pytest.mark.parametrize("who", ["ada", "bruno"])
def test_the_admin_reads_what_to_enter_where(who: str, sent: Sequence[Delivery], settings: Any, client: Client) -> None:
    settings.RELAY_URL, settings.BASE_URL = "submission://key:key@smtp.postmarkapp.com", "https://help.acme.test"
    settings.EVENT_SECRETS = {"mailgun": SECRETS["mailgun"]}
    client.login(username=f"{who}@acme.test", password="correct horse battery")
    shown = client.get("/admin/incoming")
    if who == "ada":
        assert shown.status_code == 403, "agents administer nothing"
        return
    page = shown.content.decode()
    assert "https://USER:PASSWORD@help.acme.test/hooks/postmark/events" in page
    assert "https://help.acme.test/hooks/mailgun/mail" in page
    assert "Tragen Sie sein Geheimnis ein." in page
    assert not any(secret in page for secret in SECRETS.values())

    settings.EVENT_SECRETS = {"postmark": SECRETS["postmark"]}
    Delivery.objects.update(updated_at=datetime.now(UTC) - timedelta(hours=2))
    assert "Meldet nichts" in client.get("/admin/incoming").content.decode()
    tell("postmark", told("postmark", "delivered", mail_of(sent[0])))
    page = client.get("/admin/incoming").content.decode()
    assert "Meldet nichts" not in page
    assert "Eingerichtet" in page


def test_what_the_api_tells(sent: Sequence[Delivery]) -> None:
    clara, _ = sent
    tell("ses", told("ses", "bounced", mail_of(clara)))
    chains = standing.chains_of([Delivery.objects.get(pk=clara.pk)])
    shown = present_recipient(chains[0], clara.message)["answerback"]
    assert (shown["told_by"], shown["cause"], shown["diagnostic"]) == (
        "ses",
        "address_unknown",
        f"smtp; {UNKNOWN_USER}",
    )
