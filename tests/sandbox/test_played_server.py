"""The played internet does to mail what its table of fates says, and its customers write back."""

from __future__ import annotations

import smtplib
from typing import Any

import pytest

from answerback.sandbox import mailboxes, writing
from answerback.sandbox.mailboxes import name_of
from mailroom import message, sorting
from mailroom.address import Address
from mailroom.bounces.read import read
from mailroom.report import Action
from mailroom.sorting import Kind

RETURN_PATH = "b-token@acme.test"
TEXT = (
    b"From: Ada, Acme <support@acme.test>\r\nTo: Clara <{}>\r\nCc: deniz@shop.sandbox.test\r\n"
    b"Reply-To: support+token@acme.test\r\nSubject: Your order\r\nMessage-ID: <1.x@acme.test>\r\n"
    b"Date: Mon, 23 Nov 2026 10:00:00 +0000\r\n\r\nIt is ready.\r\n"
)


def _send(played: tuple[str, int], recipient: str, mail_from: str = RETURN_PATH) -> str:
    """The reply to RCPT where it refuses, else to the message."""
    with smtplib.SMTP(*played, timeout=10) as client:
        client.ehlo()
        client.mail(mail_from)
        code, text = client.rcpt(recipient)
        if code == 250:
            code, text = client.data(TEXT.replace(b"{}", recipient.encode()))
    return f"{code} {text.decode()}"


@pytest.mark.parametrize(
    "local,reply",
    [
        ("ok", "250 2.0.0"),
        ("clara.customer", "250 2.0.0"),
        ("unknown", "550 5.1.1 <unknown@shop.sandbox.test>"),
        ("full+1", "552 5.2.2"),
        ("spam", "554 5.7.1"),
        ("toobig", "552 5.3.4"),
    ],
)
def test_the_local_part_decides(played: tuple[str, int], local: str, reply: str) -> None:
    address = f"{local}@shop.sandbox.test"
    assert _send(played, address).startswith(reply)
    box = mailboxes.mailbox(name_of(address))
    assert box is not None
    assert [entry.kept for entry in box.entries] == [reply.startswith("250")]


def test_greylisting_is_for_each_delivery(played: tuple[str, int]) -> None:
    replies = [_send(played, "greylist@a.sandbox.test", path)[:3] for path in ("b-1@x", "b-1@x", "b-2@x", "b-2@x")]
    assert replies == ["451", "250", "451", "250"]


@pytest.mark.parametrize("local,kept", [("down", 0), ("maybe", 1)])
def test_the_connection_breaks(played: tuple[str, int], local: str, kept: int) -> None:
    with pytest.raises(smtplib.SMTPServerDisconnected):
        _send(played, f"{local}@a.sandbox.test")
    box = mailboxes.mailbox(name_of(f"{local}@a.sandbox.test"))
    assert box is not None
    assert len(box.messages) == kept


@pytest.mark.parametrize(
    "local,kind,actions,status",
    [
        ("bounce-later", Kind.DELIVERY_REPORT, [Action.FAILED], "5.1.1"),
        ("bounce-full", Kind.DELIVERY_REPORT, [Action.FAILED], "5.2.2"),
        ("bounce-text", Kind.DELIVERY_REPORT, [Action.FAILED], "5.1.1"),
        ("bounce-japan", Kind.DELIVERY_REPORT, [Action.FAILED], ""),
        ("bounce-ses", Kind.DELIVERY_REPORT, [Action.FAILED], "5.7.1"),
        ("delay", Kind.DELIVERY_REPORT, [Action.DELAYED, Action.DELIVERED], "4.4.1"),
        ("delivered", Kind.DELIVERY_REPORT, [Action.DELIVERED], "2.1.5"),
        ("complain", Kind.FEEDBACK_REPORT, [Action.COMPLAINT], ""),
    ],
)
def test_reports_follow_and_our_own_readers_understand_them(
    played: tuple[str, int], collecting: Any, local: str, kind: Kind, actions: list[Action], status: str
) -> None:
    address = f"{local}@shop.sandbox.test"
    assert _send(played, address).startswith("250")
    mails = collecting.wait_for(len(actions))
    assert {tuple(mail.recipients) for mail in mails} == {(RETURN_PATH,)}
    readings = [read(message.parse(mail.content)) for mail in mails]
    assert [reading.reports[0].action for reading in readings] == actions
    assert {report.recipient for reading in readings for report in reading.reports} == {address}
    assert {sorting.sort(message.parse(mail.content), "") for mail in mails} == {kind}
    assert str(readings[0].reports[0].status or "") == status


@pytest.mark.parametrize(
    "local,kind",
    [("away", Kind.AUTO_REPLY), ("challenge", Kind.CHALLENGE), ("receipt", Kind.READ_RECEIPT)],
)
def test_people_and_programs_answer(played: tuple[str, int], collecting: Any, local: str, kind: Kind) -> None:
    _send(played, f"{local}@shop.sandbox.test")
    (mail,) = collecting.wait_for(1)
    assert sorting.sort(message.parse(mail.content), mail.mail_from) == kind


def test_nothing_answers_a_report(played: tuple[str, int], collecting: Any) -> None:
    _send(played, "bounce-later@shop.sandbox.test", mail_from="")
    _send(played, "away@shop.sandbox.test")
    collecting.wait_for(1)
    assert len(collecting.mails) == 1


def test_a_customer_answers_where_reply_to_points(played: tuple[str, int], collecting: Any) -> None:
    address = "clara@shop.sandbox.test"
    writing.answer(address, TEXT.replace(b"{}", address.encode()), "Danke schön", everybody=True)
    (mail,) = collecting.wait_for(1)
    assert mail.recipients == ["support+token@acme.test"]
    answer = message.parse(mail.content)
    assert (answer.from_, answer.subject) == (Address("clara", "shop.sandbox.test", "Clara"), "Re: Your order")
    assert answer.in_reply_to == answer.references == ["<1.x@acme.test>"]
    assert answer.text.startswith("Danke schön\n")
    assert "> It is ready." in answer.text
    box = mailboxes.mailbox(name_of("deniz@shop.sandbox.test"))
    assert box is not None
    assert len(box.messages) == 1


def test_a_customer_writes_with_a_file(played: tuple[str, int], collecting: Any) -> None:
    file = writing.File("Rechnung ä.pdf", "application/pdf", b"%PDF")
    writing.write(
        Address("clara", "shop.sandbox.test", "Clara Käfer"), "support@acme.test", "Hilfe\nBcc: x", "Text", [file]
    )
    (mail,) = collecting.wait_for(1)
    got = message.parse(mail.content)
    assert (got.subject, got.headers("Bcc")) == ("Hilfe Bcc: x", [])
    assert [(part.file_name, part.content) for part in got.attachments] == [("Rechnung ä.pdf", b"%PDF")]


def test_mailboxes_cannot_be_left(played: tuple[str, int]) -> None:
    _send(played, "ok@shop.sandbox.test")
    assert mailboxes.mailbox("..") is None
    assert mailboxes.mailbox("../..") is None
    name = name_of("ok@shop.sandbox.test")
    assert mailboxes.content(name, "../x") is None
    assert [box.name for box in mailboxes.mailboxes()] == [name]
