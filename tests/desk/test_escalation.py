"""Answers nobody has seen to for hours: whom it is told, once, without a flood."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import timedelta

from tests.world import World

from answerback.core import clock
from answerback.desk.fixing import recover
from answerback.desk.models import Notice
from answerback.desk.telling import escalation
from answerback.outbound.models import Delivery, Message
from answerback.people.models import Account
from answerback.tickets.models import Event, Ticket

FULL = "552 5.2.2 Mailbox full"
OK = "250 2.0.0 Ok: queued"


def failed_answer(world: World, subject: str = "Printer on fire") -> Delivery:
    ticket = world.ticket(subject)
    world.answer(ticket)
    failed = world.delivery_to(world.clara)
    world.outcome(failed, FULL)
    return failed


def later(hours: float) -> AbstractContextManager[None]:
    return clock.at(clock.now() + timedelta(hours=hours))


def mails() -> list[str]:
    """Subjects of what was mailed to supervisors about overdue failures."""
    return list(Message.objects.filter(kind="agent", ticket=None).order_by("id").values_list("subject", flat=True))


def test_supervisors_hear_of_a_failure_once_when_nobody_saw_to_it_for_four_hours(world: World) -> None:
    failed = failed_answer(world)
    with later(3.9):
        assert escalation.escalate() == 0
    with later(4.1):
        assert escalation.escalate() == 1
        assert escalation.escalate() == 0
    with later(9):
        assert escalation.escalate() == 0
    [notice] = Notice.objects.filter(kind="overdue")
    assert (notice.account, notice.ticket_id, notice.comment_id) == (
        world.bruno, failed.ticket_id, failed.message.comment_id,
    )  # fmt: skip
    assert mails() == ["1 nicht zugestellte Antwort, um die sich seit 4 Stunden niemand gekümmert hat"]
    body = bytes(Message.objects.get(ticket=None).body).decode("utf-8", "replace")
    assert f"/tickets/{failed.ticket_id}" in body
    [event] = Event.objects.filter(kind="DeliveryNote", data__note="overdue")
    assert (event.ticket_id, event.data["person"], event.data["hours"]) == (failed.ticket_id, "Clara Customer", 4)


def test_many_overdue_failures_are_one_mail(world: World) -> None:
    for number in range(5):
        failed_answer(world, f"Ticket {number}")
    with later(4.1):
        assert escalation.escalate() == 5
    failed_answer(world, "One more")
    with later(4.2):
        escalation.escalate()
    assert mails() == ["5 nicht zugestellte Antworten, um die sich seit 4 Stunden niemand gekümmert hat"]
    with later(5):
        escalation.escalate()
    assert mails()[1:] == ["1 nicht zugestellte Antwort, um die sich seit 4 Stunden niemand gekümmert hat"]
    assert Notice.objects.filter(kind="overdue").count() == 6


def test_what_was_put_right_or_is_being_sent_again_is_not_overdue(world: World) -> None:
    handled, resent = failed_answer(world, "Handled"), failed_answer(world, "Resent")
    recover.mark_handled(handled.pk, world.ada)
    recover.resend([resent.pk], world.ada)
    with later(5):
        assert escalation.escalate() == 0
    world.outcome(world.delivery_to(world.clara), FULL)  # the resend fails as well
    with later(5):
        assert escalation.escalate() == 1


def test_supervisors_come_before_administrators(world: World) -> None:
    Account.objects.filter(pk=world.ada.pk).update(supervisor=True)
    failed_answer(world)
    with later(5):
        escalation.escalate()
    assert [notice.account for notice in Notice.objects.filter(kind="overdue")] == [world.ada]
    assert mails() == ["1 undelivered answer nobody has seen to for 4 hours"]


def test_the_time_can_be_set_and_switched_off(world: World) -> None:
    failed_answer(world)
    escalation.set_hours(0)
    with later(100):
        assert escalation.escalate() == 0
    escalation.set_hours(1)
    with later(1.1):
        assert escalation.escalate() == 1


def test_failures_of_automatic_mail_are_nobodys_delay(world: World) -> None:
    failed_answer(world)
    Delivery.objects.filter(kind="answer").update(kind="automatic")
    Ticket.objects.update(delivery_health="automatic")
    with later(5):
        assert escalation.escalate() == 0


def test_a_mail_to_a_supervisor_that_bounces_causes_nothing(world: World) -> None:
    failed_answer(world)
    with later(5):
        escalation.escalate()
        before = Message.objects.count(), Event.objects.count(), Notice.objects.count()
        world.outcome(Delivery.objects.get(message__ticket=None), "550 5.1.1 User unknown")
        escalation.escalate()
        assert (Message.objects.count(), Event.objects.count(), Notice.objects.count()) == before
