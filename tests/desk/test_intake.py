"""A mail becomes a ticket or a comment: whose it is, how far it is believed, what it wakes.

`verified=True` lets our own MX vouch for the author (Authentication-Results of AUTHSERV_ID).
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.world import World, make_world

from answerback.core import keys
from answerback.desk.arriving import intake
from answerback.inbound import process
from answerback.outbound.models import Message
from answerback.people import identities
from answerback.people.models import Person
from answerback.store import blobs, raw
from answerback.store.models import RawMail
from answerback.tickets import participants, update
from answerback.tickets.changes import Changes
from answerback.tickets.models import Attachment, Comment, Event, Participant, Ticket
from mailroom import return_path

pytestmark = pytest.mark.django_db

MX = "mx.acme.test"
SUPPORT = "support@acme.test"
CLARA = "Clara Customer <clara@customer.test>"
State = RawMail.State
Status = Ticket.Status


@dataclass
class Desk:
    """The world with a mail slot."""

    world: World
    _count: list[int] = field(default_factory=lambda: [0])

    def get(
        self,
        text: str = "It burns.",
        *,
        sender: str = CLARA,
        to: str | Sequence[str] = SUPPORT,
        envelope_from: str | None = None,
        subject: str = "Printer",
        verified: bool = False,
        headers: Sequence[str] = (),
        content: bytes | None = None,
    ) -> RawMail:
        """Receive and read one mail. `to`: its RCPTs."""
        self._count[0] += 1
        recipients = [to] if isinstance(to, str) else list(to)
        address = sender.rpartition("<")[2].rstrip(">")
        fields = [
            f"From: {sender}",
            f"To: {', '.join(recipients)}",
            f"Subject: {subject}",
            f"Message-ID: <{self._count[0]}@customer.test>",
            *headers,
        ]
        if verified:
            domain = address.rpartition("@")[2]
            fields.insert(0, f"Authentication-Results: {MX}; dmarc=pass header.from={domain}")
        octets = content if content is not None else ("\r\n".join(fields) + f"\r\n\r\n{text}\r\n").encode()
        stored = raw.save(
            octets,
            doorway="smtp",
            peer="192.0.2.1",
            envelope_from=address if envelope_from is None else envelope_from,
            envelope_to=recipients,
        )
        process.process(stored.pk)
        return RawMail.objects.get(pk=stored.pk)

    def ticket(self, **mail: Any) -> Ticket:
        got = self.get(**mail)
        assert got.state == State.TICKET, got.reason
        return Ticket.objects.get(pk=got.ticket_id)

    def reply_to(self, ticket: Ticket, person: Person, role: str = Participant.Role.REQUESTER) -> str:
        """The address with the token of the person's participation."""
        row = participants.ensure(ticket, person, role)
        return f"support+{return_path.sign_reply_token(row.pk, *keys.current_key())}@acme.test"


@pytest.fixture
def desk(data_dir: Path, settings: Any) -> Desk:
    settings.MAIL_DOMAIN = settings.RETURN_PATH_DOMAIN = "acme.test"
    settings.AUTHSERV_ID = MX
    return Desk(make_world())


def last_comment(ticket: Ticket) -> Comment:
    return ticket.comments.latest("id")


def ccs(ticket: Ticket) -> dict[str, bool]:
    """Name → confirmed."""
    return {row.person.name: row.confirmed for row in participants.ccs(ticket)}


# A new conversation


def test_a_mail_becomes_a_ticket_of_its_author(desk: Desk) -> None:
    ticket = desk.ticket(
        text="Bitte helfen Sie mir, der Drucker ist nicht mehr zu retten.", sender="Jörg <joerg@neu.test>"
    )
    comment = last_comment(ticket)
    assert (ticket.subject, ticket.status, ticket.via) == ("Printer", Status.NEW, "email")
    assert (ticket.requester.name, ticket.requester.language) == ("Jörg", "de")
    assert (ticket.support_address, ticket.group) == (desk.world.support, desk.world.group)
    assert comment.public
    assert comment.text == "Bitte helfen Sie mir, der Drucker ist nicht mehr zu retten."
    assert (comment.trust, comment.sender) == (Comment.Trust.UNVERIFIED, "Jörg <joerg@neu.test>")
    assert comment.message_id == "<1@customer.test>"


def test_the_requester_gets_an_acknowledgement_without_what_he_wrote(desk: Desk) -> None:
    ticket = desk.ticket(text="SECRET", subject="SECRET too")
    message = Message.objects.get(ticket=ticket)
    assert message.kind == Message.Kind.AUTOMATIC
    assert [delivery.recipient for delivery in message.deliveries.all()] == ["clara@customer.test"]
    assert b"SECRET" not in bytes(message.header) + bytes(message.body)


def test_a_known_author_stays_one_person(desk: Desk) -> None:
    ticket = desk.ticket(sender="Somebody <CLARA@Customer.TEST>")
    assert ticket.requester == desk.world.clara
    assert ticket.requester.name == "Clara Customer"


def test_an_authenticated_author_shows_the_domain_that_vouches(desk: Desk) -> None:
    comment = last_comment(desk.ticket(verified=True))
    assert (comment.trust, comment.authenticated_domain) == (Comment.Trust.AUTHENTICATED, "customer.test")


def test_another_servers_word_counts_for_nothing(desk: Desk) -> None:
    forged = ["Authentication-Results: mx.evil.test; dmarc=pass header.from=customer.test"]
    assert last_comment(desk.ticket(headers=forged)).trust == Comment.Trust.UNVERIFIED


@pytest.mark.parametrize("subject,expected", [("", "It burns."), ("   ", "It burns."), ("x" * 600, "x" * 500)])
def test_subject(desk: Desk, subject: str, expected: str) -> None:
    assert desk.ticket(subject=subject).subject == expected


def test_a_ticket_is_made_of_whatever_comes_first_to_one_of_several_addresses(desk: Desk) -> None:
    got = desk.get(to=[SUPPORT, "support+x@acme.test"])
    assert RawMail.objects.count() == Ticket.objects.count() == 1
    assert got.ticket_id == Ticket.objects.get().pk


def test_a_number_or_a_guessed_message_id_joins_nothing(desk: Desk) -> None:
    old = desk.world.ticket()
    tricks = [f"In-Reply-To: <ticket-{old.pk}@acme.test>", f"References: <{old.pk}@acme.test>"]
    for to in (f"support+id{old.pk}@acme.test", f"support+{old.pk}@acme.test", "support+" + "a" * 36 + "@acme.test"):
        new = desk.ticket(to=to, subject=f"Re: [#{old.pk}] Printer", headers=tricks, verified=True)
        assert new.pk != old.pk


# Replies by token


def test_a_reply_with_the_token_joins_the_ticket(desk: Desk) -> None:
    ticket = desk.world.ticket()
    got = desk.get("Still burning.", to=desk.reply_to(ticket, desk.world.clara))
    comment = last_comment(ticket)
    assert (got.state, got.ticket_id) == (State.TICKET, ticket.pk)
    assert (comment.text, comment.public, comment.trust) == ("Still burning.", True, Comment.Trust.UNVERIFIED)
    assert comment.author == desk.world.clara


def test_token_in_capitals_and_quoted_history(desk: Desk) -> None:
    ticket = desk.world.ticket()
    text = "Thank you.\n\nOn Mon, 23 Nov 2026 at 10:00, Ada <support@acme.test> wrote:\n> Use the bucket.\n> Bye"
    desk.get(text, to=desk.reply_to(ticket, desk.world.clara).upper(), verified=True)
    comment = last_comment(ticket)
    assert (comment.text, comment.trust) == ("Thank you.", Comment.Trust.AUTHENTICATED)
    assert "> Use the bucket." in comment.quoted_text


def test_another_participant_may_use_the_token(desk: Desk) -> None:
    ticket = desk.world.ticket(ccs=[desk.world.deniz])
    desk.get("Me too.", sender="deniz@customer.test", to=desk.reply_to(ticket, desk.world.clara))
    comment = last_comment(ticket)
    assert (comment.public, comment.author) == (True, desk.world.deniz)


def test_somebody_else_with_the_token_stays_internal_and_brings_nobody(desk: Desk) -> None:
    ticket = desk.world.ticket()
    before = ticket.participants.count()
    desk.get(
        "Let me in.",
        sender="Eve <eve@elsewhere.test>",
        to=desk.reply_to(ticket, desk.world.clara),
        headers=["Cc: friend@elsewhere.test"],
        verified=True,
    )
    comment = last_comment(ticket)
    assert (comment.public, comment.trust, comment.author) == (False, Comment.Trust.OTHER_SENDER, desk.world.outsider)
    assert ticket.participants.count() == before
    assert Message.objects.filter(ticket=ticket).count() == 0


def test_a_stranger_with_the_token_is_internal_too(desk: Desk) -> None:
    ticket = desk.world.ticket()
    desk.get("Hello", sender="new@elsewhere.test", to=desk.reply_to(ticket, desk.world.clara))
    assert last_comment(ticket).trust == Comment.Trust.OTHER_SENDER
    assert not ticket.participants.filter(person__name="new").exists()


def test_who_was_removed_is_not_believed(desk: Desk) -> None:
    ticket = desk.world.ticket(ccs=[desk.world.deniz])
    to = desk.reply_to(ticket, desk.world.deniz, Participant.Role.CC)
    update.apply(ticket.pk, Changes(remove_ccs=[desk.world.deniz]), None, "web")
    desk.get("Hello again", sender="deniz@customer.test", to=to)
    comment = last_comment(ticket)
    assert (comment.public, comment.trust) == (False, Comment.Trust.OTHER_SENDER)


def test_a_second_address_of_the_person_counts(desk: Desk) -> None:
    ticket = desk.world.ticket()
    identities.add(desk.world.clara, "clara@home.test", by=None)
    desk.get("From home.", sender="clara@home.test", to=desk.reply_to(ticket, desk.world.clara))
    assert (last_comment(ticket).public, last_comment(ticket).author) == (True, desk.world.clara)


@pytest.mark.parametrize(
    "before,after",
    [
        (Status.NEW, Status.NEW),
        (Status.OPEN, Status.OPEN),
        (Status.PENDING, Status.OPEN),
        (Status.HOLD, Status.OPEN),
        (Status.SOLVED, Status.OPEN),
    ],
)
def test_what_a_customer_writes_wakes_the_ticket(desk: Desk, before: str, after: str) -> None:
    ticket = desk.world.ticket()
    update.apply(ticket.pk, Changes(status=before), None, "web")
    desk.get(to=desk.reply_to(ticket, desk.world.clara))
    ticket.refresh_from_db()
    assert ticket.status == after


def test_a_closed_ticket_gets_a_follow_up(desk: Desk) -> None:
    closed = desk.world.ticket()
    to = desk.reply_to(closed, desk.world.clara)
    update.apply(closed.pk, Changes(status=Status.CLOSED), None, "system")
    ticket = desk.ticket(text="It burns again.", to=to)
    closed.refresh_from_db()
    assert (ticket.follow_up_of, ticket.requester, ticket.status) == (closed, desk.world.clara, Status.NEW)
    assert closed.status == Status.CLOSED
    assert closed.comments.count() == 1


# Replies by Message-ID


def _our_message_id(ticket: Ticket) -> str:
    return return_path.sign_message_id(ticket.pk, "a" * 32, *keys.current_key(), "acme.test")


@pytest.mark.parametrize("header", ["In-Reply-To", "References"])
def test_a_signed_message_id_joins_for_an_authenticated_participant(desk: Desk, header: str) -> None:
    ticket = desk.world.ticket()
    joined = desk.ticket(headers=[f"{header}: {_our_message_id(ticket)}"], verified=True)
    assert joined == ticket
    assert last_comment(ticket).public


@pytest.mark.parametrize("sender,verified", [(CLARA, False), ("eve@elsewhere.test", True)])
def test_a_copied_message_id_starts_a_new_ticket(desk: Desk, sender: str, verified: bool) -> None:
    ticket = desk.world.ticket()
    other = desk.ticket(sender=sender, headers=[f"In-Reply-To: {_our_message_id(ticket)}"], verified=verified)
    assert other != ticket


# Agents by mail


def test_an_agent_answers_with_own_token_and_proof(desk: Desk) -> None:
    ticket = desk.world.ticket()
    desk.get(
        "Use water.", sender="ada@acme.test", to=desk.reply_to(ticket, desk.world.ada.person, "agent"), verified=True
    )
    comment = last_comment(ticket)
    assert (comment.public, comment.author) == (True, desk.world.ada.person)
    message = Message.objects.get(ticket=ticket, kind=Message.Kind.ANSWER)
    assert [row.recipient for row in message.deliveries.all()] == ["clara@customer.test"]


@pytest.mark.parametrize("own_token,verified", [(True, False), (False, True), (False, False)])
def test_an_agent_without_both_stays_internal(desk: Desk, own_token: bool, verified: bool) -> None:
    ticket = desk.world.ticket()
    holder = (desk.world.ada.person, "agent") if own_token else (desk.world.clara, "requester")
    desk.get("Pay me.", sender="ada@acme.test", to=desk.reply_to(ticket, *holder), verified=verified)
    comment = last_comment(ticket)
    assert not comment.public
    assert comment.trust in (Comment.Trust.UNVERIFIED, Comment.Trust.OTHER_SENDER)
    assert not Message.objects.filter(ticket=ticket, kind=Message.Kind.ANSWER).exists()


def test_a_forged_agents_new_ticket_mails_nobody(desk: Desk) -> None:
    ticket = desk.ticket(sender="Ada <ada@acme.test>", headers=["Cc: victim@elsewhere.test"])
    assert not last_comment(ticket).public
    assert not Message.objects.filter(ticket=ticket).exists()


# CCs


def test_ccs_of_an_authenticated_mail_join_at_once(desk: Desk) -> None:
    headers = [
        f"Cc: Deniz <deniz@customer.test>, New One <new@customer.test>, {SUPPORT}, Support+abc@ACME.test, ada@acme.test"
    ]
    ticket = desk.ticket(headers=headers, verified=True, to=[SUPPORT])
    assert ccs(ticket) == {"Deniz Demir": True, "New One": True}


def test_ccs_of_any_other_mail_wait_for_a_click_and_get_nothing(desk: Desk) -> None:
    ticket = desk.ticket(headers=["Cc: victim@elsewhere.test"])
    assert ccs(ticket) == {"victim": False}
    assert [row.recipient for row in Message.objects.get(ticket=ticket).deliveries.all()] == ["clara@customer.test"]


@pytest.mark.parametrize("verified", [True, False])
def test_newcomers_on_a_reply(desk: Desk, verified: bool) -> None:
    ticket = desk.world.ticket(ccs=[desk.world.deniz])
    headers = ["Cc: deniz@customer.test, boss@customer.test, b-abc@acme.test, postmaster@acme.test"]
    desk.get(to=desk.reply_to(ticket, desk.world.clara), headers=headers, verified=verified)
    assert ccs(ticket) == {"Deniz Demir": True, "boss": verified}


def test_a_crowd_in_cc_is_cut(desk: Desk, settings: Any) -> None:
    settings.MAX_CCS = 3
    ticket = desk.ticket(headers=["Cc: " + ", ".join(f"cc{number}@victims.test" for number in range(50))])
    assert len(ccs(ticket)) == 3
    assert Person.objects.filter(name__startswith="cc").count() == 3


def test_what_is_no_address_becomes_nobody(desk: Desk) -> None:
    assert ccs(desk.ticket(headers=["Cc: a b@c, x@, @y, ok@customer.test, bad..dots@customer.test"])) == {"ok": False}


# Automatic mail


def test_an_absence_note_with_the_token_is_a_quiet_internal_comment(desk: Desk) -> None:
    ticket = desk.world.ticket()
    update.apply(ticket.pk, Changes(status=Status.SOLVED), None, "web")
    got = desk.get(
        "I am away.",
        to=desk.reply_to(ticket, desk.world.clara),
        envelope_from="",
        headers=["Auto-Submitted: auto-replied"],
    )
    ticket.refresh_from_db()
    comment = last_comment(ticket)
    assert (got.state, got.kind, got.reason) == (State.TICKET, "auto_reply", "automatic")
    assert (comment.public, comment.automatic, comment.text) == (False, "auto-replied", "I am away.")
    assert ticket.status == Status.SOLVED
    assert not Message.objects.exists()


def test_an_absence_note_to_the_return_path_finds_its_ticket(desk: Desk) -> None:
    ticket = desk.world.ticket()
    desk.world.answer(ticket)
    delivery = desk.world.delivery_to(desk.world.clara)
    path = return_path.sign_return_path(delivery.pk, delivery.queued_at.date(), *keys.current_key())
    messages = Message.objects.count()
    got = desk.get("Away.", to=f"{path}@acme.test", envelope_from="", headers=["Auto-Submitted: auto-replied"])
    assert (got.state, got.ticket_id) == (State.TICKET, ticket.pk)
    assert last_comment(ticket).author == desk.world.clara
    assert Message.objects.count() == messages


def test_an_automatic_reply_that_belongs_nowhere_is_ignored(desk: Desk) -> None:
    got = desk.get(headers=["Auto-Submitted: auto-replied"])
    assert (got.state, got.reason) == (State.IGNORED, "automatic: auto-replied")
    assert not Ticket.objects.exists()


@pytest.mark.parametrize(
    "header",
    ["Auto-Submitted: auto-generated", "Precedence: bulk", "List-Id: <l.x.test>", "X-Auto-Response-Suppress: All"],
)
def test_other_automatic_mail_makes_a_ticket_and_is_not_answered(desk: Desk, header: str) -> None:
    ticket = desk.ticket(headers=[header, "Cc: deniz@customer.test"], verified=True)
    assert last_comment(ticket).automatic
    assert ccs(ticket) == {}
    assert not Message.objects.exists()


def test_a_read_receipt_is_ignored(desk: Desk) -> None:
    content = (
        b"From: clara@customer.test\r\nTo: support@acme.test\r\nSubject: Read\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/report; report-type=disposition-notification; boundary="b"\r\n\r\n'
        b"--b\r\nContent-Type: text/plain\r\n\r\nread\r\n--b\r\nContent-Type: message/disposition-notification\r\n\r\n"
        b"Final-Recipient: rfc822;clara@customer.test\r\nDisposition: manual-action/MDN-sent-manually; displayed\r\n"
        b"--b--\r\n"
    )
    got = desk.get(content=content)
    assert (got.state, got.reason, got.kind) == (State.IGNORED, "read-receipt", "read_receipt")


def test_a_forged_report_marks_nobody(desk: Desk) -> None:
    content = (
        b"From: MAILER-DAEMON@mx.test\r\nTo: support@acme.test\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        b"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.test\r\n\r\n"
        b"Final-Recipient: rfc822; clara@customer.test\r\nAction: failed\r\nStatus: 5.1.1\r\n--b--\r\n"
    )
    got = desk.get(content=content, envelope_from="", to="b-forged@acme.test")
    assert got.state == State.UNMATCHED
    assert identities.find("clara@customer.test").deliverability == "unknown"  # type: ignore[union-attr]
    assert not Ticket.objects.exists()


# Loops, repetitions, nonsense


@pytest.mark.parametrize(
    "mail,word",
    [
        ({"sender": SUPPORT}, "loop-own-address"),
        ({"sender": "support+token@acme.test"}, "loop-own-address"),
        ({"sender": "b-x@acme.test"}, "loop-own-address"),
        ({"sender": SUPPORT, "headers": [f"Reply-To: {SUPPORT}"]}, "loop-own-address"),
        ({"headers": ["Received: from a by b; Mon, 01 Jan 2024 10:00:00 +0000"] * 51}, "loop-hops"),
        ({"sender": "undisclosed:;", "envelope_from": "x"}, "no-sender"),
        ({"content": b""}, "empty"),
        ({"content": b"\r\n\r\n"}, "empty"),
    ],
)
def test_what_becomes_no_ticket_says_why(desk: Desk, mail: dict[str, Any], word: str) -> None:
    got = desk.get(**mail)
    assert (got.state, got.reason.partition(":")[0]) == (State.UNREADABLE, word)
    assert not Ticket.objects.exists()
    assert not Message.objects.exists()


def test_our_own_mail_coming_back_is_a_loop(desk: Desk) -> None:
    ticket = desk.world.ticket()
    content = (
        f"From: clara@customer.test\r\nTo: {SUPPORT}\r\nMessage-ID: {_our_message_id(ticket)}\r\nSubject: x\r\n\r\nx"
    )
    assert desk.get(content=content.encode()).reason.startswith("loop-own-message")


def test_a_contact_form_writes_for_its_visitor_unverified(desk: Desk) -> None:
    ticket = desk.ticket(sender=SUPPORT, headers=["Reply-To: Visitor <visitor@customer.test>"], verified=True)
    assert ticket.requester.name == "Visitor"
    assert last_comment(ticket).trust == Comment.Trust.UNVERIFIED


def test_the_same_mail_again_makes_one_ticket(desk: Desk) -> None:
    content = f"From: {CLARA}\r\nMessage-ID: <same@customer.test>\r\nSubject: x\r\n\r\nx".encode()
    first = desk.get(content=content)
    again = desk.get(content=content)
    assert (first.state, again.state, again.reason) == (State.TICKET, State.IGNORED, f"duplicate: of mail {first.pk}")
    assert Ticket.objects.count() == 1


def test_another_mail_with_a_reused_message_id_is_not_lost(desk: Desk) -> None:
    for text in ("one", "two"):
        desk.ticket(content=f"From: {CLARA}\r\nMessage-ID: <same@customer.test>\r\nSubject: x\r\n\r\n{text}".encode())
    assert Ticket.objects.count() == 2


def test_mail_is_settled_once(desk: Desk) -> None:
    got = desk.get()
    process.process(got.pk)
    assert Ticket.objects.count() == 1


# Content


def _multipart(*parts: str, subtype: str = "mixed") -> bytes:
    body = "".join(f"--b\r\n{part}\r\n" for part in parts)
    head = f"From: {CLARA}\r\nMessage-ID: <m@customer.test>\r\nSubject: Files\r\nMIME-Version: 1.0\r\n"
    return f'{head}Content-Type: multipart/{subtype}; boundary="b"\r\n\r\n{body}--b--\r\n'.encode()


def test_files_and_inline_pictures_are_kept(desk: Desk) -> None:
    picture = base64.b64encode(b"\x89PNG picture").decode()
    content = _multipart(
        'Content-Type: text/html; charset=utf-8\r\n\r\n<p>Größe <img src="cid:pic@x"><script>x()</script></p>',
        "Content-Type: image/png; name=p.png\r\nContent-ID: <pic@x>\r\nContent-Disposition: inline\r\n"
        f"Content-Transfer-Encoding: base64\r\n\r\n{picture}",
        'Content-Type: application/pdf\r\nContent-Disposition: attachment; filename="../../Rechnung.pdf"\r\n\r\n%PDF',
    )
    ticket = desk.ticket(content=content)
    comment = last_comment(ticket)
    inline, file = Attachment.objects.order_by("id")
    assert comment.text.strip().startswith("Größe")
    assert 'src="cid:pic@x"' in comment.html
    assert "script" not in comment.html
    assert (inline.inline, inline.content_id, blobs.read(inline.blob)) == (True, "pic@x", b"\x89PNG picture")
    assert (file.inline, "/" in file.file_name, file.size) == (False, False, len(b"%PDF"))


def test_an_html_reply_is_split(desk: Desk) -> None:
    ticket = desk.world.ticket()
    to = desk.reply_to(ticket, desk.world.clara)
    html = '<div>New words</div><div class="gmail_quote"><blockquote>Old words</blockquote></div>'
    part = f"Content-Type: text/html; charset=utf-8\r\n\r\n{html}"
    desk.get(content=_multipart(part), to=to)
    comment = last_comment(ticket)
    assert ("New words" in comment.html, "Old words" in comment.html) == (True, False)
    assert "Old words" in comment.quoted_html
    assert comment.text == "New words"


def test_characters_no_database_takes(desk: Desk) -> None:
    ticket = desk.ticket(subject="a\0b", text="c\0d")
    assert "\0" not in ticket.subject + last_comment(ticket).text


# A person decides


def test_an_agent_makes_a_ticket_of_what_was_not_read(desk: Desk) -> None:
    got = desk.get(headers=["Auto-Submitted: auto-replied"])
    ticket = intake.make_ticket(got.pk, desk.world.ada)
    got.refresh_from_db()
    assert (got.state, got.ticket_id, ticket.requester) == (State.TICKET, ticket.pk, desk.world.clara)
    assert not Message.objects.exists()
    with pytest.raises(intake.NoTicketPossibleError):
        intake.make_ticket(got.pk, desk.world.ada)


def test_where_there_is_no_author_the_agent_stands_in(desk: Desk) -> None:
    got = desk.get(sender=SUPPORT, envelope_from="")
    assert intake.make_ticket(got.pk, desk.world.ada).requester == desk.world.ada.person


def test_the_audit_says_what_happened(desk: Desk) -> None:
    ticket = desk.world.ticket()
    update.apply(ticket.pk, Changes(status=Status.SOLVED), None, "web")
    desk.get(to=desk.reply_to(ticket, desk.world.clara))
    audit = last_comment(ticket).audit
    assert (audit.author, audit.via) == (desk.world.clara, "email")
    change = audit.events.get(kind=Event.Kind.CHANGE, field="status")
    assert change.data == {"value": "open", "previous_value": "solved"}
