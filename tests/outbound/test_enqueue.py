"""From a notification to rows that wait."""

from __future__ import annotations

from datetime import timedelta
from email import message_from_bytes

import time_machine
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from tests.outbound.conftest import Outbox, World

from answerback.core import clock
from answerback.outbound import enqueue, lifecycle
from answerback.outbound.models import Delivery, DeliveryEvent, Message
from answerback.outbound.tokens import Reader, Signer
from answerback.outbound.told import Outcome
from answerback.people import identities
from answerback.people.models import Identity, Person
from answerback.tickets.models import Ticket
from mailroom.report import Action, DeliveryReport
from mailroom.states import Fact, State


def suppress(identity: Identity) -> None:
    Identity.objects.filter(pk=identity.pk).update(
        deliverability="suppressed", cause="address_unknown", smtp_code=550, enhanced_code="5.1.1"
    )


def test_an_answer_is_one_message_and_a_delivery_for_each(outbox: Outbox, ticket: Ticket) -> None:
    clara, deniz = outbox()
    assert clara.message == deniz.message
    assert [(row.recipient, row.role, row.state, row.priority) for row in (clara, deniz)] == [
        ("clara@customer.test", "to", "queued", 0),
        ("deniz@customer.test", "cc", "queued", 0),
    ]
    assert {row.destination for row in (clara, deniz)} == {"relay.test:2525"}
    assert all(row.next_attempt_at <= clock.now() for row in (clara, deniz))
    mail = message_from_bytes(bytes(clara.message.header) + b"\r\n" + bytes(clara.message.body))
    assert mail["From"] == '"Ada Agent, Acme Support" <support@acme.test>'
    assert (mail["To"], mail["Cc"]) == (
        "Clara Customer <clara@customer.test>",
        "Deniz Demir <deniz@customer.test>",
    )
    assert mail["Auto-Submitted"] is None
    assert Reader.current().ticket_of_message_id(mail["Message-ID"]) == ticket.pk


def test_automatic_mail_says_so(outbox: Outbox, world: World) -> None:
    [row] = outbox([world.clara], kind="automatic")
    assert b"Auto-Submitted: auto-generated\r\n" in bytes(row.message.header)
    assert row.priority == 1


def test_without_a_relay_each_domain_is_a_lane(outbox: Outbox, world: World, settings: object) -> None:
    settings.RELAY_URL = "mx"  # type: ignore[attr-defined]
    [clara, eve] = outbox([world.clara, world.outsider])
    assert (clara.destination, eve.destination) == ("customer.test", "elsewhere.test")


def test_each_copy_is_answered_under_its_own_token(outbox: Outbox, world: World) -> None:
    clara, deniz = outbox()
    signer = Signer.current()
    first = signer.reply_to(world.support.address, clara.participant_id)
    second = signer.reply_to(world.support.address, deniz.participant_id)
    assert first != second
    assert first.startswith("support+")
    assert first.endswith("@acme.test")


def test_a_suppressed_address_is_held_with_its_cause(outbox: Outbox, world: World) -> None:
    suppress(identities.find("deniz@customer.test"))  # type: ignore[arg-type]
    clara, deniz = outbox()
    assert clara.state == State.QUEUED
    assert (deniz.state, deniz.hold_reason, deniz.cause) == ("held", "suppressed", "address_unknown")
    assert (deniz.smtp_code, deniz.enhanced_code, deniz.next_attempt_at) == (550, "5.1.1", None)
    [event] = DeliveryEvent.objects.all()
    assert (event.delivery, event.fact, event.to_state) == (deniz, Fact.HOLD, "held")


def test_a_suppression_that_is_over_holds_nothing(outbox: Outbox) -> None:
    identity = identities.find("deniz@customer.test")
    assert identity
    suppress(identity)
    Identity.objects.filter(pk=identity.pk).update(until=clock.now() - timedelta(seconds=1))
    assert [row.state for row in outbox()] == ["queued", "queued"]


def test_automatic_mail_is_capped_per_address_and_hour(outbox: Outbox, world: World) -> None:
    for _ in range(4):
        assert len(outbox([world.clara], kind="automatic")) == 1
    assert outbox([world.clara], kind="automatic") == []
    assert len(outbox(kind="automatic")) == 1, "Deniz has had none"
    assert len(outbox([world.clara])) == 1, "an agent's answer is never capped"
    with time_machine.travel(clock.now() + timedelta(hours=1, seconds=1)):
        assert len(outbox([world.clara], kind="automatic")) == 1


def test_automatic_mail_is_capped_per_day(outbox: Outbox, world: World) -> None:
    begin = clock.now()
    sent = 0
    for hour in range(23):
        with time_machine.travel(begin + timedelta(hours=hour, minutes=hour)):
            sent += len(outbox([world.clara], kind="automatic"))
    assert sent == 10


def test_a_person_without_an_address_gets_nothing(outbox: Outbox, world: World) -> None:
    Identity.objects.filter(person=world.clara).delete()
    assert outbox([world.clara]) == []
    assert Message.objects.count() == 0


def test_a_resend_is_a_new_delivery_of_the_same_message(outbox: Outbox, world: World) -> None:
    clara, _ = outbox()
    [copy] = enqueue.resend([clara], world.ada)
    assert copy.pk != clara.pk
    assert (copy.message, copy.resent_from, copy.state) == (clara.message, clara, "queued")
    assert copy.header is None
    assert copy.participant_id == clara.participant_id


def test_a_corrected_resend_names_the_new_address(outbox: Outbox, world: World) -> None:
    _, deniz = outbox()
    identity = identities.find("deniz@customer.test")
    assert identity
    identities.correct(identity, "deniz.demir@customer.test", world.ada)
    deniz.refresh_from_db()
    [copy] = enqueue.resend([deniz], world.ada)
    assert copy.recipient == "deniz.demir@customer.test"
    old = message_from_bytes(bytes(deniz.message.header) + b"\r\n")
    new = message_from_bytes(bytes(copy.header) + b"\r\n")
    assert new["To"] == old["To"]
    assert new["Cc"] == "Deniz Demir <deniz.demir@customer.test>"
    assert {name: value for name, value in new.items() if name != "Cc"} == {
        name: value for name, value in old.items() if name != "Cc"
    }
    lifecycle.record([Outcome(copy.pk, DeliveryReport("", Action.FAILED, True), match="token")])
    [again] = enqueue.resend([copy], world.ada, identities.find("eve@elsewhere.test"))
    assert message_from_bytes(bytes(again.header) + b"\r\n")["Cc"] == "Deniz Demir <eve@elsewhere.test>"


def mail_to(world: World, person: Person, kind: str, text: str) -> enqueue.Notification:
    recipient = enqueue.Recipient(person, identities.primary_of(person), None, "to")
    return enqueue.Notification(kind, world.support, "Re: Printer on fire", text, [recipient], "en")


def test_notifications_that_come_together_are_a_mail_each(world: World) -> None:
    suppress(identities.find("deniz@customer.test"))  # type: ignore[arg-type]
    people = [world.clara, world.deniz, world.outsider]
    messages = enqueue.enqueue([mail_to(world, person, "answer", f"For {person.name}.") for person in people])
    assert len({message.message_id for message in messages}) == 3
    for message, person in zip(messages, people, strict=True):
        row = Delivery.objects.select_related("message").get(message=message.pk)
        assert (row.person, row.state) == (person, State.HELD if person == world.deniz else State.QUEUED)
        assert bytes(row.message.body) == f"For {person.name}.\r\n".encode()


def test_they_count_towards_the_cap_of_each_other(world: World, settings: object) -> None:
    settings.AUTOMATIC_PER_HOUR = 3  # type: ignore[attr-defined]
    enqueue.enqueue([mail_to(world, world.clara, "automatic", "The first.")])
    mails = [mail_to(world, world.clara, "automatic", f"Number {number}.") for number in (2, 3, 4)]
    messages = enqueue.enqueue([*mails, mail_to(world, world.deniz, "automatic", "Yours.")])
    assert [bytes(message.body) for message in messages] == [b"Number 2.\r\n", b"Number 3.\r\n", b"Yours.\r\n"]


def test_they_take_no_more_statements_than_one(world: World) -> None:
    Signer.current()  # the key is there
    taken = []
    for count in (1, 7):
        mails = [mail_to(world, world.clara, "answer", f"Number {number}.") for number in range(count)]
        with CaptureQueriesContext(connection) as statements:
            enqueue.enqueue(mails)
        taken.append(len(statements))
    assert taken[0] == taken[1]


def test_a_rollback_leaves_nothing(outbox: Outbox) -> None:
    with transaction.atomic():
        outbox()
        transaction.set_rollback(True)
    assert Message.objects.count() == 0
