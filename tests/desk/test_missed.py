"""The missed answer rides along, and the question whether a later answer replaced the one that failed."""

from __future__ import annotations

import pytest
from tests.world import World

from answerback.desk.fixing import missed, recover, replacing
from answerback.outbound import standing
from answerback.outbound.models import Delivery, Resolution
from answerback.people import identities
from answerback.people.models import Person
from answerback.tickets import update
from answerback.tickets.changes import Changes, NewComment, NewTicket
from answerback.tickets.models import FAILURE_TAG, Comment, Event, Ticket

FULL = "552 5.2.2 Mailbox full"
OK = "250 2.0.0 Ok"
Trust = Comment.Trust


@pytest.fixture
def failed(world: World) -> Delivery:
    """Clara's mailbox was full when Ada answered."""
    world.answer(world.ticket())
    delivery = world.delivery_to(world.clara)
    world.outcome(delivery, FULL)
    return delivery


def writes(world: World, person: Person, trust: str = Trust.UNVERIFIED) -> Ticket:
    """A new ticket by mail."""
    comment = NewComment(author=person, public=True, text="Hello?", trust=trust)
    return update.create(NewTicket("Hello?", person, person, world.support, "email", comment=comment)).ticket


def missed_on(ticket: Ticket) -> list[tuple[int, bool]]:
    comments = list(Comment.objects.filter(ticket=ticket).select_related("author__account").order_by("id"))
    return [(one.delivery.pk, one.certain) for one in missed.of(ticket, comments)]


def test_nothing_rides_along_before_the_customer_writes_again(failed: Delivery) -> None:
    assert failed.ticket is not None
    assert missed_on(failed.ticket) == []


def test_it_rides_along_on_the_same_ticket_and_on_a_new_one(world: World, failed: Delivery) -> None:
    again = NewComment(author=world.clara, public=True, text="Well?")
    update.apply(failed.ticket_id or 0, Changes(comment=again), world.clara, "email")
    assert failed.ticket is not None
    assert missed_on(failed.ticket) == [(failed.pk, True)]
    assert missed_on(writes(world, world.clara)) == [(failed.pk, True)]
    assert missed_on(writes(world, world.deniz)) == []


def test_another_address_of_the_same_person_is_the_same_person(world: World, failed: Delivery) -> None:
    identities.add(world.clara, "clara@home.test", world.ada)
    found = identities.find("clara@home.test")
    assert found is not None
    assert missed_on(writes(world, found.person)) == [(failed.pk, True)]


def test_whoever_answers_with_her_reply_token_counts_as_word_from_her(world: World, failed: Delivery) -> None:
    other = identities.find_or_create("c.private@home.test", "C. Private").person
    note = NewComment(author=other, public=False, text="It is me.", trust=Trust.OTHER_SENDER)
    update.apply(failed.ticket_id or 0, Changes(comment=note), other, "email")
    assert failed.ticket is not None
    assert missed_on(failed.ticket) == [(failed.pk, True)]


def test_a_namesake_is_perhaps_the_same_where_the_mail_is_proven(world: World, failed: Delivery) -> None:
    namesake = identities.find_or_create("clara@home.test", "clara customer").person
    assert missed_on(writes(world, namesake)) == []
    assert missed_on(writes(world, namesake, Trust.AUTHENTICATED)) == [(failed.pk, False)]


def test_a_failure_that_is_settled_or_sent_again_does_not_ride_along(world: World, failed: Delivery) -> None:
    ticket = writes(world, world.clara)
    world.answer(ticket, "As I wrote …", replaces=[failed.pk])
    assert missed_on(ticket) == []
    recover.mark_handled(failed.pk, world.ada)
    assert missed_on(writes(world, world.clara)) == []


def test_sent_along_on_another_ticket_it_puts_the_failure_right_there(world: World, failed: Delivery) -> None:
    ticket = writes(world, world.clara)
    comment = world.answer(ticket, "As I wrote …", replaces=[failed.pk])
    sent = world.delivery_to(world.clara, comment)
    world.outcome(sent, OK)
    first = Ticket.objects.get(pk=failed.ticket_id)
    assert (first.delivery_health, first.tags.filter(name=FAILURE_TAG).exists()) == ("", False)
    told = Event.objects.get(ticket=first, kind="DeliveryResolution").data
    assert (told["how"], told["by"], told["by_ticket_id"]) == ("replied", "Ada Agent", ticket.pk)
    Ticket.objects.filter(pk=first.pk).update(status="solved", status_rank=4)
    world.report(sent, FULL)
    first.refresh_from_db()
    assert (first.delivery_health, first.status) == ("failed", "open")
    assert first.tags.filter(name=FAILURE_TAG).exists()


def test_a_namesake_gets_it_in_her_stead(world: World, failed: Delivery) -> None:
    namesake = identities.find_or_create("clara@home.test", "Clara Customer").person
    comment = world.answer(writes(world, namesake, Trust.AUTHENTICATED), "As I wrote …", replaces=[failed.pk])
    world.outcome(world.delivery_to(namesake, comment), OK)
    assert Resolution.objects.get(delivery=failed).how == "replied"


def questions(failed: Delivery) -> dict[int, list[int]]:
    asked = replacing.questions(standing.of_ticket(failed.ticket_id or 0))
    return {comment: [row.pk for row in rows] for comment, rows in asked.items()}


def later_answer(world: World, failed: Delivery, text: str = "By the way …") -> Comment:
    assert failed.ticket is not None
    comment = world.answer(failed.ticket, text)
    assert questions(failed).get(comment.pk) is None
    world.outcome(world.delivery_to(world.clara, comment), OK)
    return comment


def test_a_later_answer_that_arrived_is_asked_about_and_yes_settles_it(world: World, failed: Delivery) -> None:
    comment = later_answer(world, failed)
    assert questions(failed) == {comment.pk: [failed.pk]}
    assert replacing.confirm(failed.pk, comment.pk, world.bruno)
    row = Resolution.objects.get(delivery=failed)
    assert (row.how, row.by, row.by_delivery) == ("replied", world.bruno, world.delivery_to(world.clara, comment))
    assert questions(failed) == {}


def test_no_is_remembered_and_only_a_newer_answer_is_asked_about(world: World, failed: Delivery) -> None:
    first, second = later_answer(world, failed), later_answer(world, failed, "And …")
    assert questions(failed) == {second.pk: [failed.pk]}
    replacing.deny(failed.pk, second.pk, world.ada)
    assert questions(failed) == {}
    third = later_answer(world, failed, "One more …")
    assert questions(failed) == {third.pk: [failed.pk]}
    assert first.pk < second.pk < third.pk


def test_what_was_confirmed_is_open_again_when_that_answer_bounces(world: World, failed: Delivery) -> None:
    comment = later_answer(world, failed)
    replacing.confirm(failed.pk, comment.pk, world.ada)
    world.report(world.delivery_to(world.clara, comment), FULL)
    assert failed.pk in [chain.newest.pk for chain in standing.open_failures(failed.ticket_id or 0)]


def test_a_no_does_not_count_when_the_answer_is_reported_delivered_later(world: World, failed: Delivery) -> None:
    comment = later_answer(world, failed)
    replacing.deny(failed.pk, comment.pk, world.ada)
    assert replacing.replaced_by(world.delivery_to(world.clara, comment)) == []
