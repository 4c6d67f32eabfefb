"""An agent's comment: what is stored, who is written to, what it says."""

from __future__ import annotations

import pytest
from tests.world import World

from answerback.desk.composing.reply import EmptyCommentError, Reply, reply
from answerback.outbound.models import Delivery, Message
from answerback.tickets.models import Event, Participant, Ticket
from answerback.tickets.participants import ensure
from answerback.tickets.update import TicketClosedError

pytestmark = pytest.mark.django_db


def test_answer_goes_to_requester_and_ccs(world: World) -> None:
    ticket = world.ticket(ccs=[world.deniz])
    comment = world.answer(ticket)
    message = Message.objects.get(comment=comment)
    assert message.kind == "answer"
    assert message.trigger_title == "Notify requester and CCs of comment update"
    assert sorted(message.deliveries.values_list("recipient", "role", "state")) == [
        ("clara@customer.test", "to", "queued"),
        ("deniz@customer.test", "cc", "queued"),
    ]
    assert b"Use the blue bucket." in bytes(message.body)
    assert b"Ada Agent, Acme Support" in bytes(message.header)
    assert b"Auto-Submitted" not in bytes(message.header)


def test_internal_note_is_mailed_to_nobody(world: World) -> None:
    ticket = world.ticket()
    reply(ticket.pk, Reply(text="He is right.", public=False), world.ada)
    assert not Delivery.objects.exists()


def test_first_answer_opens_and_assigns(world: World) -> None:
    ticket = world.ticket()
    world.answer(ticket)
    ticket.refresh_from_db()
    assert (ticket.status, ticket.assignee) == ("open", world.ada)


def test_unconfirmed_cc_gets_nothing(world: World) -> None:
    ticket = world.ticket()
    ensure(ticket, world.deniz, Participant.Role.CC, confirmed=False)
    world.answer(ticket)
    assert list(Delivery.objects.values_list("recipient", flat=True)) == ["clara@customer.test"]


def test_notification_event_names_the_trigger(world: World) -> None:
    ticket = world.ticket()
    comment = world.answer(ticket)
    event = Event.objects.get(audit=comment.audit, kind="Notification")
    assert event.data["trigger_title"] == "Notify requester and CCs of comment update"
    assert event.data["recipients"] == [world.clara.pk]


def test_customer_text_is_never_rendered(world: World) -> None:
    ticket = world.ticket(subject="{{ticket.url}} {{agent.signature}}")
    world.answer(ticket, "Say {{ticket.title}}")
    message = Message.objects.get()
    assert message.subject == "Re: {{ticket.url}} {{agent.signature}}"
    assert b"Say {{ticket.title}}" in bytes(message.body)


@pytest.mark.parametrize("text", ["", "  \n "])
def test_empty_comment_is_refused(world: World, text: str) -> None:
    with pytest.raises(EmptyCommentError):
        reply(world.ticket().pk, Reply(text=text, public=True), world.ada)


def test_closed_ticket_takes_no_comment(world: World) -> None:
    ticket = world.ticket()
    Ticket.objects.filter(pk=ticket.pk).update(status="closed")
    with pytest.raises(TicketClosedError):
        world.answer(ticket)


def test_proactive_ticket_is_mailed(world: World) -> None:
    ticket = world.proactive_ticket()
    message = Message.objects.get(ticket=ticket)
    assert (message.kind, message.subject) == ("answer", "Your order")
