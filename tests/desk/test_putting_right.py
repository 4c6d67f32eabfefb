"""What becomes of a failure when the same mail is sent again, answered again, handled, opened again, in any order."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest
from tests.world import World

from answerback.desk.fixing import recover
from answerback.outbound import standing
from answerback.outbound.models import Delivery, FailureChange, Resolution
from answerback.tickets.models import FAILURE_TAG, Event, Ticket
from mailroom.report import Action

FULL = "552 5.2.2 Mailbox full"
OK = "250 2.0.0 Ok: queued"
ENDS = {"refused": [FULL], "arrived": [OK], "bounced": [OK, "report"]}


def interleaved(first: list[str], second: list[str]) -> Iterator[list[str]]:
    """Every order of both in which each keeps its own."""
    if not first or not second:
        yield first + second
        return
    yield from ([first[0], *rest] for rest in interleaved(first[1:], second))
    yield from ([second[0], *rest] for rest in interleaved(first, second[1:]))


def orders() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    for resend, answer in product(ENDS, ENDS):
        said = ([f"resend {one}" for one in ENDS[resend]], [f"answer {one}" for one in ENDS[answer]])
        yield from ((resend, answer, tuple(order)) for order in interleaved(*said))


@pytest.fixture
def failed(world: World) -> Delivery:
    world.answer(world.ticket())
    delivery = world.delivery_to(world.clara)
    world.outcome(delivery, FULL)
    return delivery


def is_open(delivery: Delivery) -> bool:
    """As tag, health, page and programs see it, who are of one mind."""
    ticket = Ticket.objects.get(pk=delivery.ticket_id or 0)
    seen = {
        bool(standing.open_failures(ticket.pk)),
        ticket.delivery_health == "failed",
        ticket.tags.filter(name=FAILURE_TAG).exists(),
        FailureChange.objects.filter(open=True).exists(),
    }
    assert len(seen) == 1
    return seen.pop()


@pytest.mark.parametrize("resend, answer, order", list(orders()))
def test_open_while_nothing_has_arrived(
    world: World, failed: Delivery, resend: str, answer: str, order: tuple[str, ...]
) -> None:
    assert failed.ticket is not None
    [again] = recover.resend([failed.pk], world.ada)
    comment = world.answer(failed.ticket, "Once more.", replaces=[failed.pk])
    mails = {"resend": again, "answer": world.delivery_to(world.clara, comment)}
    for said in order:
        which, _, text = said.partition(" ")
        if text == "report":
            world.report(mails[which], FULL)
        else:
            world.outcome(mails[which], text)
    assert bool(standing.chain_of(failed).unresolved) is ("arrived" not in (resend, answer))
    assert is_open(failed) is (answer != "arrived")  # the answer is a mail of its own, and fails for itself


def test_an_answer_puts_right_all_that_was_tried_before(world: World, failed: Delivery) -> None:
    assert failed.ticket is not None
    [second] = recover.resend([failed.pk], world.ada)
    world.outcome(second, FULL)
    sent = world.delivery_to(world.clara, world.answer(failed.ticket, "Once more.", replaces=[second.pk]))
    world.outcome(sent, OK)
    assert not is_open(failed)
    world.report(sent, FULL)
    assert {chain.newest.pk for chain in standing.open_failures(failed.ticket_id or 0)} == {second.pk, sent.pk}
    assert standing.chain_of(failed).unresolved == {failed.pk, second.pk}


def test_two_resends_of_one_mail_are_one_failure(world: World, failed: Delivery) -> None:
    for text in (FULL, OK):
        [again] = recover.resend([failed.pk], world.ada)
        world.outcome(again, text)
    assert not is_open(failed)


def test_all_that_was_settled_is_opened_again(world: World, failed: Delivery) -> None:
    [second] = recover.resend([failed.pk], world.ada)
    world.outcome(second, FULL)
    recover.mark_handled(second.pk, world.ada)
    assert not is_open(failed)
    recover.open_again(second.pk, world.bruno)
    assert standing.chain_of(failed).unresolved == {failed.pk, second.pk}
    assert is_open(failed)
    assert FailureChange.objects.filter(open=True).count() == 2


@pytest.mark.parametrize("handled", [0, 1])
def test_whichever_of_them_was_handled_settles_the_mail(world: World, failed: Delivery, handled: int) -> None:
    [second] = recover.resend([failed.pk], world.ada)
    world.outcome(second, FULL)
    recover.mark_handled([failed, second][handled].pk, world.ada)
    assert not is_open(failed)
    recover.open_again([second, failed][handled].pk, world.ada)
    assert is_open(failed)


def test_what_arrived_after_it_was_handled_is_not_opened_again(world: World, failed: Delivery) -> None:
    recover.mark_handled(failed.pk, world.ada)
    [again] = recover.resend([failed.pk], world.ada)
    world.outcome(again, OK)
    with pytest.raises(recover.NotFailedError):
        recover.open_again(failed.pk, world.ada)
    world.report(again, FULL)
    assert is_open(failed)
    assert [row.delivery for row in Resolution.objects.filter(revoked_at__isnull=True)] == [failed]


def test_a_person_who_knows_better_is_believed(world: World, failed: Delivery) -> None:
    """An answer was to replace it, and arrived; but it did not say the same, says Bruno."""
    assert failed.ticket is not None
    sent = world.delivery_to(world.clara, world.answer(failed.ticket, "Once more.", replaces=[failed.pk]))
    world.outcome(sent, OK)
    recover.open_again(failed.pk, world.bruno)
    world.report(sent, OK, Action.DELIVERED)
    assert is_open(failed)
    [again] = recover.resend([failed.pk], world.ada)
    world.outcome(again, FULL)
    assert is_open(failed)


def test_what_fails_late_although_the_answer_is_there_alarms_nobody(world: World, failed: Delivery) -> None:
    assert failed.ticket is not None
    [again] = recover.resend([failed.pk], world.ada)
    world.outcome(again, OK)
    world.outcome(world.delivery_to(world.clara, world.answer(failed.ticket, "…", replaces=[failed.pk])), OK)
    Ticket.objects.filter(pk=failed.ticket_id or 0).update(status="solved", status_rank=4)
    alarms = Delivery.objects.filter(kind="agent").count()
    world.report(again, FULL)
    assert Ticket.objects.get(pk=failed.ticket_id or 0).status == "solved"
    assert Delivery.objects.filter(kind="agent").count() == alarms
    assert [event.data["put_right"] for event in Event.objects.filter(kind="DeliveryFailure").order_by("id")] == [
        False, True,
    ]  # fmt: skip
