"""What an SMTP client sees at the doorway, and what is stored when it hears 250."""

from __future__ import annotations

import smtplib
import socket
from collections.abc import Sequence
from typing import Any

import pytest
from django.db import DatabaseError

from answerback.core import clock
from answerback.store import raw
from answerback.store.models import RawMail
from answerback.tickets.models import SupportAddress

pytestmark = pytest.mark.django_db(transaction=True)

MAIL = b"From: clara@customer.test\r\nSubject: Hello\r\n\r\nIt burns.\r\n"
WRONG_ENDINGS = {
    "lf.lf": b"\n.\n",
    "cr.cr": b"\r.\r",
    "cr.lf": b"\r.\n",
    "lf.cr": b"\n.\r",
    "lf.crlf": b"\n.\r\n",
    "crlf.lf": b"\r\n.\n",
    "cr.crlf": b"\r.\r\n",
    "crlf.cr": b"\r\n.\r",
    "crlf nul .": b"\r\n\0.\r\n",
    "crlf . nul": b"\r\n.\0\r\n",
}


class Client:
    """SMTP by hand: every octet as the test wants it."""

    def __init__(self, doorway: Any) -> None:
        self._socket = socket.create_connection((doorway.host, doorway.port), 10)
        self._file = self._socket.makefile("rb")
        self.greeting = self.reply()

    def say(self, line: str | bytes) -> str:
        self.send((line.encode() if isinstance(line, str) else line) + b"\r\n")
        return self.reply()

    def send(self, octets: bytes) -> None:
        self._socket.sendall(octets)

    def reply(self) -> str:
        lines = []
        while line := self._file.readline().decode():
            lines.append(line.rstrip("\r\n"))
            if line[3:4] != "-":
                break
        return "\n".join(lines)

    def data(self, recipients: Sequence[str] = ("support@acme.test",), sender: str = "clara@customer.test") -> str:
        """Everything up to the reply to DATA."""
        self.say("EHLO mail.customer.test")
        self.say(f"MAIL FROM:<{sender}>")
        for recipient in recipients:
            assert self.say(f"RCPT TO:<{recipient}>").startswith("250")
        return self.say("DATA")

    def close(self) -> None:
        self._file.close()
        self._socket.close()


@pytest.fixture
def client(doorway: Any, support: SupportAddress) -> Any:
    client = Client(doorway)
    yield client
    client.close()


def _deliver(client: Client, octets: bytes, **envelope: Any) -> str:
    assert client.data(**envelope).startswith("354")
    client.send(octets)
    return client.reply()


def test_what_was_accepted_is_stored_byte_for_byte_with_its_envelope(client: Client) -> None:
    reply = _deliver(client, MAIL + b".\r\n", recipients=["support@acme.test", "SUPPORT@ACME.test"])
    stored = RawMail.objects.get()
    assert reply == f"250 2.0.0 OK, stored as {stored.pk}"
    assert raw.content(stored) == MAIL
    assert (stored.doorway, stored.peer, stored.helo) == ("smtp", "127.0.0.1", "mail.customer.test")
    assert stored.envelope_from == "clara@customer.test"
    assert stored.envelope_to == ["support@acme.test", "SUPPORT@ACME.test"]
    assert stored.state == RawMail.State.RECEIVED


@pytest.mark.parametrize(
    "recipient",
    [
        "support@acme.test",
        "Support@ACME.TEST",
        "support+anything@acme.test",
        "postmaster@acme.test",
        "abuse@acme.test",
        "postmaster@back.acme.test",
        "postmaster",
        "b-xyz@back.acme.test",
        "B-XYZ@Back.Acme.Test",
    ],
)
def test_our_addresses_are_taken(client: Client, recipient: str) -> None:
    client.say("EHLO x")
    client.say("MAIL FROM:<>")
    assert client.say(f"RCPT TO:<{recipient}>").startswith("250")


@pytest.mark.parametrize(
    "recipient",
    [
        "nobody@acme.test",
        "support@elsewhere.test",
        "postmaster@elsewhere.test",
        "b-xyz@acme.test",
        "support%elsewhere.test@acme.test",
        "closed@acme.test",
        "elsewhere.test!support@back.acme.test",
    ],
)
def test_no_relay(client: Client, recipient: str) -> None:
    SupportAddress.objects.create(
        name="Old", address="closed@acme.test", normal="closed@acme.test", active=False, created_at=clock.now()
    )
    client.say("EHLO x")
    client.say("MAIL FROM:<x@y.test>")
    assert client.say(f"RCPT TO:<{recipient}>") == "550 5.1.1 No such address here"
    assert client.say("DATA").startswith("503")


def test_null_reverse_path_is_stored_empty(client: Client) -> None:
    _deliver(client, MAIL + b".\r\n", sender="", recipients=["b-xyz@back.acme.test"])
    assert RawMail.objects.get().envelope_from == ""


@pytest.mark.parametrize(
    "sent,stored",
    [
        (b".\r\n", b""),
        (b"\r\n.\r\n", b"\r\n"),
        (b"..\r\n.\r\n", b".\r\n"),
        (b"...\r\n..x\r\nx.\r\n.\r\n", b"..\r\n.x\r\nx.\r\n"),
        (b"a\r\n..\r\n\r\n..\r\n.\r\n", b"a\r\n.\r\n\r\n.\r\n"),
        (b"\0\xff\x80\r\n.\r\n", b"\0\xff\x80\r\n"),
        (b"bare\rreturn\r\n.\r\n", b"bare\rreturn\r\n"),
    ],
)
def test_transparency_and_odd_octets(client: Client, sent: bytes, stored: bytes) -> None:
    assert _deliver(client, sent).startswith("250")
    assert raw.content(RawMail.objects.get()) == stored


@pytest.mark.parametrize("size", [65_000, 65_536, 131_072, 400_000])
def test_a_line_may_be_longer_than_any_buffer(client: Client, size: int) -> None:
    line = b"x" * size + b"\r\n"
    assert _deliver(client, line + b".\r\n").startswith("250")
    assert raw.content(RawMail.objects.get()) == line


def test_the_end_may_come_in_single_octets(client: Client) -> None:
    client.data()
    for octet in MAIL + b".\r\n":
        client.send(bytes([octet]))
    assert client.reply().startswith("250")
    assert raw.content(RawMail.objects.get()) == MAIL


@pytest.mark.parametrize("ending", WRONG_ENDINGS.values(), ids=WRONG_ENDINGS.keys())
def test_nothing_but_crlf_dot_crlf_ends_a_message(client: Client, ending: bytes) -> None:
    client.data()
    smuggled = b"MAIL FROM:<ceo@bank.test>\r\nRCPT TO:<support@acme.test>\r\nDATA\r\nSubject: smuggled\r\n\r\nx"
    client.send(b"Subject: outer\r\n\r\nbody" + ending + smuggled + b"\r\n.\r\n")
    reply = client.reply()
    assert client.say("NOOP").startswith("250")  # one reply to it all, and we are still in step
    bare_lf = b"\n" in ending.replace(b"\r\n", b"")
    assert reply.startswith("550 5.6.11" if bare_lf else "250")
    assert RawMail.objects.count() == (0 if bare_lf else 1)


def test_too_big_a_message_is_refused_and_the_session_goes_on(client: Client, settings: Any) -> None:
    settings.MAX_MESSAGE_SIZE = 100_000
    assert _deliver(client, b"x" * 300_000 + b"\r\n.\r\n").startswith("552 5.3.4")
    assert _deliver(client, MAIL + b".\r\n").startswith("250")
    assert RawMail.objects.count() == 1


def test_announced_size_is_refused_before_data(doorway: Any, support: SupportAddress, settings: Any) -> None:
    client = Client(doorway)
    client.say("EHLO x")
    assert client.say(f"MAIL FROM:<a@b.test> SIZE={settings.MAX_MESSAGE_SIZE + 1}").startswith("552")
    client.close()


def test_too_many_recipients_wait_for_another_transaction(client: Client, settings: Any) -> None:
    settings.MAX_RECIPIENTS = 2
    client.say("EHLO x")
    client.say("MAIL FROM:<a@b.test>")
    replies = [client.say(f"RCPT TO:<support+{number}@acme.test>")[:9] for number in range(3)]
    assert replies == ["250 2.0.0", "250 2.0.0", "452 4.5.3"]


def test_what_cannot_be_stored_is_not_accepted(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(batch: object) -> None:
        raise DatabaseError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(raw, "save_all", refuse)
        assert _deliver(client, MAIL + b".\r\n").startswith("452 4.3.1")
    assert _deliver(client, MAIL + b".\r\n").startswith("250")
    assert RawMail.objects.count() == 1


def test_a_client_that_leaves_before_the_dot_leaves_nothing(client: Client, doorway: Any) -> None:
    client.data()
    client.send(MAIL)
    client.close()
    other = Client(doorway)
    assert _deliver(other, b"Subject: second\r\n\r\n.\r\n").startswith("250")
    other.close()
    assert [raw.content(mail) for mail in RawMail.objects.all()] == [b"Subject: second\r\n\r\n"]


def test_pipelined_commands_after_the_dot(client: Client) -> None:
    client.data()
    client.send(MAIL + b".\r\nMAIL FROM:<>\r\nRCPT TO:<support@acme.test>\r\nQUIT\r\n")
    assert [client.reply()[:3] for _ in range(4)] == ["250", "250", "250", "221"]


def test_unicode_address(client: Client) -> None:
    SupportAddress.objects.create(
        name="Hilfe", address="hilfe@bücher.test", normal="hilfe@xn--bcher-kva.test", created_at=clock.now()
    )
    client.say("EHLO x")
    assert client.say("MAIL FROM:<jörg@kunde.test> SMTPUTF8").startswith("250")
    assert client.say("RCPT TO:<hilfe@bücher.test>").startswith("250")
    client.say("DATA")
    client.send(MAIL + b".\r\n")
    assert client.reply().startswith("250")
    stored = RawMail.objects.get()
    assert (stored.envelope_from, stored.envelope_to) == ("jörg@kunde.test", ["hilfe@bücher.test"])


@pytest.mark.parametrize("line", [b"\xff\xfe", b"MAIL FROM:<" + b"x" * 3000, b"RCPT", b"BDAT 1 LAST", b"AUTH PLAIN x"])
def test_nonsense_is_answered_with_a_refusal(client: Client, line: bytes) -> None:
    client.say("EHLO x")
    assert client.say(line)[0] == "5"
    assert client.say("NOOP").startswith("250")


def test_many_sessions_at_once_share_commits(doorway: Any, support: SupportAddress) -> None:
    clients = [Client(doorway) for _ in range(30)]
    for client in clients:
        client.data()
    for number, client in enumerate(clients):
        client.send(b"Subject: %d\r\n\r\n.\r\n" % number)
    assert {client.reply()[:3] for client in clients} == {"250"}
    for client in clients:
        client.close()
    assert len({mail.sha256 for mail in RawMail.objects.all()}) == 30


def test_the_librarys_own_client_gets_through(doorway: Any, support: SupportAddress) -> None:
    with smtplib.SMTP(doorway.host, doorway.port) as client:
        client.sendmail("clara@customer.test", ["support@acme.test"], MAIL)
    assert raw.content(RawMail.objects.get()) == MAIL
