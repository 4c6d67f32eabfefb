"""The shipped triggers: who is written to after which update."""

from __future__ import annotations

import pytest
from tests.world import World

from answerback.desk import change
from answerback.desk.composing import new_ticket
from answerback.desk.composing.reply import Reply, reply
from answerback.desk.running_rules import effects
from answerback.outbound.models import Delivery, Message
from answerback.tickets import update
from answerback.tickets.changes import Changes, NewComment, NewTicket
from answerback.tickets.models import Ticket


def written_to() -> list[tuple[str, str]]:
    return sorted(Delivery.objects.values_list("kind", "recipient"))


def customer_writes(world: World, automatic: str = "", subject: str = "Help {{ticket.url}}") -> Ticket:
    comment = NewComment(author=world.clara, public=True, text="buy cheap things", automatic=automatic)
    new = NewTicket(subject, world.clara, world.clara, world.support, "email", comment=comment)
    return new_ticket.open_ticket(new).ticket


def test_request_is_acknowledged_without_quoting_it(world: World) -> None:
    customer_writes(world)
    assert written_to() == [("automatic", "clara@customer.test")]
    message = Message.objects.get()
    assert b"Auto-Submitted: auto-" in bytes(message.header)
    assert "Help" not in message.subject
    assert b"cheap" not in bytes(message.body)


def test_acknowledgement_in_the_requesters_language(world: World) -> None:
    world.clara.language = "de"
    world.clara.save()
    customer_writes(world)
    assert Message.objects.get().subject.startswith("Ihre Nachricht ist angekommen")


def test_automatic_mail_is_never_answered(world: World) -> None:
    customer_writes(world, automatic="auto-submitted")
    assert written_to() == []


def test_automatic_mail_is_capped(world: World, settings) -> None:
    for _ in range(settings.AUTOMATIC_PER_HOUR + 3):
        customer_writes(world)
    assert len(written_to()) == settings.AUTOMATIC_PER_HOUR


def test_assignee_hears_of_assignment_comments_and_reopening(world: World) -> None:
    ticket = world.ticket()
    change.change(ticket.pk, Changes(assignee=world.bruno), world.ada)
    assert written_to() == [("agent", "bruno@acme.test")]
    assert Message.objects.get().subject == f"Ihnen zugewiesen: Printer on fire (#{ticket.pk})"
    reply(ticket.pk, Reply(text="Look at this.", public=False), world.ada)
    assert written_to() == [("agent", "bruno@acme.test")] * 2
    reply(ticket.pk, Reply(text="I do.", public=False), world.bruno)
    assert written_to() == [("agent", "bruno@acme.test")] * 2


def test_group_hears_of_an_unassigned_ticket(world: World) -> None:
    ticket = world.ticket()
    change.change(ticket.pk, Changes(group=None), world.ada)
    change.change(ticket.pk, Changes(group=world.group), world.ada)
    assert written_to() == [("agent", "bruno@acme.test")]


def test_customer_reopening_tells_the_assignee(world: World) -> None:
    ticket = world.ticket()
    change.change(ticket.pk, Changes(assignee=world.ada, status="solved"), world.ada)
    comment = NewComment(author=world.clara, public=True, text="Still burning")
    audit = update.apply(ticket.pk, Changes(status="open", comment=comment), world.clara, "email")
    assert audit
    effects.run(audit)
    assert {message.trigger_title for message in Message.objects.all()} >= {
        "Notify assignee of reopened ticket", "Notify assignee of comment update",
    }  # fmt: skip


@pytest.mark.parametrize("public", [True, False])
def test_first_agent_to_answer_publicly_is_assigned(world: World, public: bool) -> None:
    ticket = world.ticket()
    reply(ticket.pk, Reply(text="Hello", public=public), world.ada)
    ticket.refresh_from_db()
    assert ticket.assignee == (world.ada if public else None)
