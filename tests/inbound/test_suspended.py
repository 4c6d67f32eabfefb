"""Mail that waits apart: marked by a filter, from a blocked sender, or forged. It sets off nothing until let in."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.world import World, make_world

from answerback.core import clock
from answerback.desk.arriving import intake, sender_proof, spam
from answerback.outbound.models import Delivery
from answerback.outbound.tokens import Signer
from answerback.people import blocked_senders
from answerback.people.models import BlockedSender
from answerback.store import blobs, dismiss, raw
from answerback.store.models import Blob, RawMail
from answerback.tickets.models import Ticket
from answerback.workers import receive
from mailroom.authentication import Authentication

pytestmark = pytest.mark.django_db
State = RawMail.State


@pytest.fixture(autouse=True)
def world(data_dir: Path, settings: Any) -> World:
    settings.MAIL_DOMAIN = settings.RETURN_PATH_DOMAIN = "acme.test"
    settings.AUTHSERV_ID = "mx.acme.test"
    return make_world()


def _arrives(
    sender: str = "mallory@bad.test", *fields: str, to: str = "support@acme.test", text: str = "Hi"
) -> RawMail:
    head = "".join(f"{field}\r\n" for field in (f"From: {sender}", "Subject: Offer", *fields))
    mail = raw.save(f"{head}\r\n{text}\r\n".encode(), doorway="smtp", envelope_from=sender, envelope_to=[to])
    receive.once()
    mail.refresh_from_db()
    return mail


def test_marked_mail_sets_off_nothing() -> None:
    mail = _arrives("mallory@bad.test", "X-Spam-Status: Yes, score=12")
    assert (mail.state, mail.reason) == (State.SUSPENDED, "spam: X-Spam-Status: Yes, score=12")
    assert (Ticket.objects.count(), Delivery.objects.count()) == (0, 0)


def test_marks_are_the_admins_choice(settings: Any) -> None:
    settings.SPAM_MARKS = ("X-Junk: high",)
    assert _arrives("a@x.test", "X-Spam-Flag: YES").state == State.TICKET
    assert _arrives("a@x.test", "X-Junk: HIGH").state == State.SUSPENDED


@pytest.mark.parametrize("pattern", ["Mallory@BAD.test", "@bad.test"])
def test_a_blocked_sender_waits_apart(pattern: str, world: World) -> None:
    row = blocked_senders.block(pattern, world.ada)
    assert blocked_senders.block(pattern, world.bruno) == row
    mail = _arrives()
    assert (mail.state, mail.reason) == (State.SUSPENDED, f"blocked: {row.pattern}")
    assert _arrives("mallory@notbad.test").state == State.TICKET
    assert blocked_senders.unblock(row.pattern)
    assert not blocked_senders.unblock(row.pattern)
    assert _arrives().state == State.TICKET


@pytest.mark.parametrize(
    "pattern", ["", "bad", "@", "@bad", "a b@bad.test", "@bad..test", "ada@acme.test", "@acme.test"]
)
def test_nonsense_and_colleagues_are_not_blocked(pattern: str, world: World) -> None:
    with pytest.raises(blocked_senders.NotBlockableError):
        blocked_senders.block(pattern, world.ada)
    assert not BlockedSender.objects.exists()


@pytest.mark.parametrize("asked", [True, False])
def test_forged_mail_waits_apart_on_wish(asked: bool, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    proof = Authentication(dmarc="fail", from_domain="bank.test", refusal_asked=asked)
    monkeypatch.setattr(sender_proof, "authenticate", lambda *_: proof)
    assert _arrives("it@bank.test").state == State.TICKET
    settings.SUSPEND_FORGED = True
    mail = _arrives("it@bank.test", text="again")
    assert (mail.state, mail.reason) == ((State.SUSPENDED, "forged-sender: bank.test") if asked else (State.TICKET, ""))


def test_what_is_let_in_joins_its_conversation(world: World) -> None:
    ticket = world.ticket()
    delivery = world.delivery_to(world.clara, world.answer(ticket))
    reply_to = Signer.current().reply_to(world.support.address, delivery.participant_id)
    mail = _arrives("clara@customer.test", "X-Spam-Flag: YES", to=reply_to, text="Thank you")
    assert mail.state == State.SUSPENDED
    assert intake.recover(mail.pk) == ticket.pk
    assert ticket.comments.latest("id").text == "Thank you"
    mail.refresh_from_db()
    assert (mail.state, mail.reason, mail.ticket_id) == (State.TICKET, "", ticket.pk)
    with pytest.raises(intake.NoTicketPossibleError):
        intake.recover(mail.pk)
    assert Ticket.objects.count() == 1


def test_a_ticket_marked_as_spam_and_back(world: World) -> None:
    ticket = world.ticket(requester=world.outsider)
    sent = Delivery.objects.count()
    spam.mark(ticket.pk, world.ada)
    ticket.refresh_from_db()
    assert (ticket.status, [tag.name for tag in ticket.tags.all()]) == (Ticket.Status.SOLVED, [spam.TAG])
    [address] = world.outsider.identities.values_list("address", flat=True)
    assert _arrives(address).state == State.SUSPENDED
    assert Delivery.objects.count() == sent  # a spammer hears nothing of it
    spam.unmark(ticket.pk, world.ada)
    ticket.refresh_from_db()
    assert (ticket.status, ticket.tags.count()) == (Ticket.Status.OPEN, 0)
    assert _arrives(address).state == State.TICKET


def test_a_colleagues_ticket_is_never_spam(world: World) -> None:
    ticket = world.ticket(requester=world.bruno.person)
    with pytest.raises(blocked_senders.NotBlockableError):
        spam.mark(ticket.pk, world.ada)
    ticket.refresh_from_db()
    assert (ticket.status, ticket.tags.count()) == (Ticket.Status.NEW, 0)


def test_what_nobody_wants_ends(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw, "IN_ROW", 200)
    spam_mail = _arrives("m@bad.test", "X-Spam-Flag: YES", text="x" * 300)
    empty = raw.save(
        b"From: a@x.test\r\n\r\n", doorway="smtp", envelope_from="a@x.test", envelope_to=["support@acme.test"]
    )
    kept = _arrives("good@x.test", text="y" * 300)
    receive.once()
    ignored = _arrives("m@bad.test", "X-Spam-Flag: YES")
    assert dismiss.dismiss([ignored.pk, kept.pk], State.DELETED) == 1
    assert [mail.pk for mail in dismiss.waiting()] == [empty.pk]
    assert [mail.pk for mail in dismiss.apart()] == [spam_mail.pk]
    assert _files(settings) == {_file_of(spam_mail), _file_of(kept)}
    lifetime = timedelta(seconds=settings.UNPROCESSED_LIFETIME)
    with clock.at(clock.now() + lifetime - timedelta(minutes=1)):
        assert dismiss.forget_old() == 0
    with clock.at(clock.now() + lifetime + timedelta(minutes=1)):
        assert dismiss.forget_old() == 3
        assert blobs.remove_let_go() == 1
    assert [mail.pk for mail in RawMail.objects.all()] == [kept.pk]
    assert _files(settings) == set(Blob.objects.values_list("name", flat=True)) == {_file_of(kept)}


def _files(settings: Any) -> set[str]:
    return {path.name for path in (settings.DATA_DIR / "blobs").glob("*/*")}


def _file_of(mail: RawMail) -> str:
    return mail.blob.name if mail.blob else ""
