"""A relay that lets us write from its own addresses only: reports come to our mailbox, and their token is the proof."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.outbound import relay_reports
from tests.outbound.conftest import Outbox, World
from tests.outbound.test_returned import accept, state

from answerback.outbound import enqueue, envelopes
from answerback.outbound.models import Delivery, DeliveryEvent, Message
from answerback.outbound.returned import Result, handle_report
from answerback.reports import readiness
from mailroom import sorting
from mailroom.message import parse
from mailroom.sorting import Kind

Shape = Callable[[str, str, bytes], bytes]
SHAPES = [relay_reports.microsoft_365, relay_reports.microsoft_365_in_words, relay_reports.gmail]
CLARA = "clara@customer.test"
SUPPORT = "support@acme.test"
TOKEN = b"X-Answerback-Delivery:"


@pytest.fixture(autouse=True)
def fixed(settings: object) -> None:
    settings.RETURN_PATH = "fixed"  # type: ignore[attr-defined]


def as_sent(*rows: Delivery) -> list[bytes]:
    return [envelope.content for envelope in envelopes.load([row.pk for row in rows])]


def test_the_return_path_is_the_address_in_from(outbox: Outbox) -> None:
    rows = outbox()
    loaded = envelopes.load([row.pk for row in rows])
    assert {envelope.mail_from for envelope in loaded} == {SUPPORT}
    assert len({envelope.content for envelope in loaded}) == 2  # each copy still carries a token of its own


def test_mail_of_the_system_is_from_the_default_support_address(world: World) -> None:
    recipient = enqueue.Recipient(world.ada.person, None, None, "to", "ada@acme.test")
    [message] = enqueue.enqueue([enqueue.Notification(Message.Kind.SYSTEM, None, "Your link", "…", [recipient], "en")])
    assert message
    assert f"From: {SUPPORT}".encode() in bytes(message.header).replace(b"<", b"").replace(b">", b"")
    [envelope] = envelopes.load([row.pk for row in message.deliveries.all()])
    assert envelope.mail_from == SUPPORT


@pytest.mark.parametrize("shape", SHAPES)
def test_the_token_among_the_returned_headers_fails_that_recipient(outbox: Outbox, shape: Shape) -> None:
    clara, deniz = outbox()
    accept(clara, deniz)
    mail = parse(shape(CLARA, SUPPORT, as_sent(clara)[0]))
    assert sorting.sort(mail, "") == Kind.DELIVERY_REPORT
    assert handle_report(1, mail, [SUPPORT]) == Result("report", "bounce", clara.ticket_id)
    assert (state(clara), state(deniz)) == ("failed", "accepted")
    row = Delivery.objects.get(pk=clara.pk)
    assert (row.smtp_code, row.cause) == (550, "address_unknown")
    assert DeliveryEvent.objects.latest("id").match == "token"


@pytest.mark.parametrize("shape", SHAPES)
def test_without_the_token_it_is_a_note_and_no_state(outbox: Outbox, shape: Shape) -> None:
    """Everybody in Cc knows the Message-ID."""
    clara, _ = outbox()
    accept(clara)
    copy = b"\r\n".join(line for line in as_sent(clara)[0].split(b"\r\n") if not line.startswith(TOKEN))
    assert handle_report(1, parse(shape(CLARA, SUPPORT, copy)), [SUPPORT]).reason == "unproven"
    assert state(clara) == "accepted"


@pytest.mark.parametrize("shape", SHAPES)
def test_unsigned_and_unmatched_marks_nobody(outbox: Outbox, shape: Shape) -> None:
    clara, deniz = outbox()
    accept(clara, deniz)
    lines = as_sent(clara)[0].split(b"\r\n")
    told = [line for line in lines if not line.lower().startswith((TOKEN.lower(), b"message-id:"))]
    forged = [b"X-Answerback-Delivery: " + b"a" * 40, b"Message-ID: <made.up@elsewhere.test>", *told]
    assert handle_report(1, parse(shape(CLARA, SUPPORT, b"\r\n".join(forged))), [SUPPORT]).state == "unmatched"
    assert (state(clara), state(deniz)) == ("accepted", "accepted")
    assert not DeliveryEvent.objects.filter(raw_mail_id=1).exists()


@pytest.mark.parametrize(
    ("relay_url", "wanted", "hint"),
    [
        ("submission://desk:secret@smtp.office365.com?tls=must", "signed", "set ANSWERBACK_RETURN_PATH to fixed"),
        ("submission://desk:secret@SMTP.gmail.com?tls=must", "signed", "set ANSWERBACK_RETURN_PATH to fixed"),
        ("submission://desk:secret@smtp.gmail.com?tls=must", "fixed", ""),
        ("smtp://mail.acme.test", "signed", ""),
        ("mx", "fixed", "set ANSWERBACK_RETURN_PATH to signed"),
    ],
)
def test_the_doctor_knows_relays_that_want_it(
    world: World, settings: object, relay_url: str, wanted: str, hint: str
) -> None:
    settings.RELAY_URL, settings.RETURN_PATH = relay_url, wanted  # type: ignore[attr-defined]
    [check] = [check for check in readiness.look() if check.id == "return_path"]
    assert (hint in check.hint, check.warns, check.ready) == (True, bool(hint), True)
