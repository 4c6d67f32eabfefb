"""Who is told of a failure in the workspace, how often, and what becomes of the notice."""

from __future__ import annotations

from tests.world import World

from answerback.core import clock
from answerback.desk import delivery_events
from answerback.desk.composing import new_ticket
from answerback.desk.composing.reply import Reply
from answerback.desk.fixing import recover
from answerback.desk.models import Notice
from answerback.desk.telling import notices
from answerback.outbound.models import Delivery
from answerback.people.models import Account
from answerback.tickets.models import Ticket
from mailroom.report import Action

UNKNOWN = "550 5.1.1 <clara@customer.test>: Recipient address rejected: User unknown"
FULL = "552 5.2.2 Mailbox full"
OK = "250 2.0.0 Ok: queued"


def told() -> list[str]:
    """Who has notices, each as often as they have."""
    return sorted(notice.account.person.name for notice in Notice.objects.select_related("account__person"))


def failed_answer(world: World, ticket: Ticket, text: str = FULL) -> Delivery:
    world.answer(ticket)
    delivery = world.delivery_to(world.clara)
    world.outcome(delivery, text)
    return delivery


def test_the_assignee_is_told_what_failed_and_why(world: World) -> None:
    ticket = world.ticket()
    failed_answer(world, ticket)  # the first answer makes Ada the assignee
    [notice] = Notice.objects.all()
    assert (notice.account, notice.kind, notice.ticket) == (world.ada, "failure", ticket)
    [failure] = notice.failures
    assert (failure["person"], failure["cause"], failure["enhanced_code"]) == (
        "Clara Customer",
        "mailbox_full",
        "5.2.2",
    )
    assert notices.count_unread(world.ada) == 1


def test_a_recipient_who_is_missed_twice_is_one_recipient(world: World) -> None:
    failed = failed_answer(world, world.ticket())
    [again] = recover.resend([failed.pk], world.bruno)
    world.outcome(again, FULL)
    [notice] = Notice.objects.all()
    assert len(notice.failures) == 2
    assert [failure["delivery_id"] for failure in notice.failing] == [again.pk]


def test_without_an_assignee_the_group_is_told(world: World) -> None:
    ticket = world.ticket()
    world.answer(ticket)
    Ticket.objects.filter(pk=ticket.pk).update(assignee=None)
    world.outcome(world.delivery_to(world.clara), FULL)
    assert told() == ["Ada Agent", "Bruno Lead"]


def test_an_assignee_who_left_is_nobody(world: World) -> None:
    ticket = world.ticket()
    world.answer(ticket)
    Account.objects.filter(pk=world.ada.pk).update(is_active=False)
    world.outcome(world.delivery_to(world.clara), FULL)
    assert told() == ["Bruno Lead"]


def test_without_assignee_and_group_the_supervisors_are_told_and_else_the_administrators(world: World) -> None:
    ticket = world.ticket(ccs=[world.deniz])
    comment = world.answer(ticket)
    Ticket.objects.filter(pk=ticket.pk).update(assignee=None, group=None)
    world.outcome(world.delivery_to(world.clara, comment), FULL)
    assert told() == ["Bruno Lead"]  # an administrator
    Account.objects.filter(pk=world.ada.pk).update(supervisor=True)
    world.outcome(world.delivery_to(world.deniz, comment), FULL)
    assert told() == ["Ada Agent", "Bruno Lead"]


def test_failures_of_one_comment_join_the_notice_that_was_not_read(world: World) -> None:
    ticket = world.ticket(ccs=[world.deniz])
    comment = world.answer(ticket)
    world.outcome(world.delivery_to(world.clara, comment), FULL)
    world.outcome(world.delivery_to(world.deniz, comment), FULL)
    [notice] = Notice.objects.all()
    assert [failure["person"] for failure in notice.failures] == ["Clara Customer", "Deniz Demir"]


def test_who_has_read_is_told_anew(world: World) -> None:
    ticket = world.ticket(ccs=[world.deniz])
    comment = world.answer(ticket)
    world.outcome(world.delivery_to(world.clara, comment), FULL)
    notices.read_ticket(world.ada, ticket.pk)
    assert notices.count_unread(world.ada) == 0
    world.outcome(world.delivery_to(world.deniz, comment), FULL)
    assert (told(), notices.count_unread(world.ada)) == (["Ada Agent", "Ada Agent"], 1)


def test_nobody_is_told_of_what_they_did_themselves(world: World) -> None:
    ticket = world.ticket()
    world.answer(ticket)
    recover.stop(world.delivery_to(world.clara).pk, world.ada)
    delivery_events.react()
    assert told() == []


def test_what_another_agent_stopped_is_told(world: World) -> None:
    ticket = world.ticket()
    world.answer(ticket)
    recover.stop(world.delivery_to(world.clara).pk, world.bruno)
    delivery_events.react()
    assert told() == ["Ada Agent"]


def test_a_failure_put_right_strikes_its_notice_and_one_that_comes_back_opens_it(world: World) -> None:
    failed = failed_answer(world, world.ticket())
    [again] = recover.resend([failed.pk], world.ada)
    world.outcome(again, OK)
    [notice] = Notice.objects.all()
    assert notice.settled_at is not None
    assert notices.count_unread(world.ada) == 0
    world.report(again, FULL)
    notice.refresh_from_db()
    assert notice.settled_at is None


def test_marking_as_handled_strikes_the_notice(world: World) -> None:
    failed = failed_answer(world, world.ticket())
    recover.mark_handled(failed.pk, world.ada, "told her on the phone")
    assert Notice.objects.get().settled_at is not None


def test_failures_of_automatic_mail_and_of_mail_to_agents_are_not_told(world: World) -> None:
    failed_answer(world, world.ticket())
    Notice.objects.all().delete()
    mail_to_ada = Delivery.objects.get(kind="agent")
    world.outcome(mail_to_ada, UNKNOWN)
    assert told() == []
    assert Delivery.objects.filter(kind="agent").count() == 1  # and no mail tells of it either


def test_old_notices_are_forgotten_once_read(world: World) -> None:
    failed_answer(world, world.ticket())
    with clock.at(clock.now() + notices.KEPT_READ):
        assert notices.forget_old() == 0
        notices.read_all(world.ada)
    with clock.at(clock.now() + 2 * notices.KEPT_READ):
        assert notices.forget_old() == 1


def test_a_complaint_about_an_answer_is_told(world: World) -> None:
    world.answer(world.ticket())
    delivery = world.delivery_to(world.clara)
    world.outcome(delivery, OK)
    world.report(delivery, "250 2.0.0 complaint", Action.COMPLAINT)
    [notice] = Notice.objects.all()
    assert (notice.account, notice.kind, notice.failures[0]["person"]) == (world.ada, "complaint", "Clara Customer")


def test_a_follow_up_that_arrives_puts_right_what_was_missed_on_the_closed_ticket(world: World) -> None:
    closed = world.ticket()
    failed = failed_answer(world, closed)
    Ticket.objects.filter(pk=closed.pk).update(status="closed", status_rank=5)
    typed = {"subject": closed.subject, "requester": "clara@customer.test", "follow": str(closed.pk)}
    audit = new_ticket.open_typed(world.ada, typed, Reply("Use the blue bucket.", public=True, replaces=[failed.pk]))
    assert audit.ticket.follow_up_of == closed
    world.outcome(world.delivery_to(world.clara), OK)
    closed.refresh_from_db()
    assert (closed.delivery_health, Notice.objects.get().settled_at is None) == ("", False)
