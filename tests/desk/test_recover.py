"""Every button of the failure card: what it does to mail, address, tag and event log, and what it refuses."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import connection, connections
from tests.world import World, make_world

from answerback.desk.fixing import recover
from answerback.outbound import standing
from answerback.outbound.models import Delivery, Resolution
from answerback.people import identities
from answerback.people.identities import AddressTakenError
from answerback.people.models import DeliverabilityEntry, Identity
from answerback.tickets.models import FAILURE_TAG, Comment, Event, Ticket
from mailroom.report import Action

UNKNOWN = "550 5.1.1 No such user"
FULL = "552 5.2.2 Mailbox full"
LATER = "451 4.7.1 Greylisted"
OK = "250 2.0.0 Ok"


def failed_answer(world: World, text: str = FULL) -> Delivery:
    """An answer to Clara that ended with `text`."""
    world.answer(world.ticket())
    delivery = world.delivery_to(world.clara)
    world.outcome(delivery, text)
    delivery.refresh_from_db()
    return delivery


def tagged(delivery: Delivery) -> bool:
    return Ticket.objects.filter(pk=delivery.ticket_id, tags__name=FAILURE_TAG).exists()


def notes(delivery: Delivery) -> list[str]:
    rows = Event.objects.filter(ticket=delivery.ticket_id, kind="DeliveryNote").order_by("id")
    return [row.data["note"] for row in rows]


def test_only_who_missed_it_gets_it_again(world: World) -> None:
    ticket = world.ticket(ccs=[world.deniz])
    comment = world.answer(ticket)
    world.outcome(world.delivery_to(world.clara), FULL)
    world.outcome(world.delivery_to(world.deniz), OK)
    [sent] = recover.resend_failed_of_comment(ticket.pk, comment.pk, world.ada)
    assert (sent.person, sent.resent_by) == (world.clara, world.ada)
    with pytest.raises(recover.NotFailedError):
        recover.resend_failed_of_comment(ticket.pk, comment.pk, world.ada)
    assert notes(sent) == ["resent"]


@pytest.mark.django_db(transaction=True)
def test_two_agents_who_press_at_once_send_once(transactional_db: None) -> None:
    world = make_world()
    delivery = failed_answer(world)
    refused: list[Exception] = []
    both_ready = threading.Barrier(2)

    def press() -> None:
        try:
            both_ready.wait()
            recover.resend([delivery.pk], world.ada)
        except recover.NotFailedError as error:
            refused.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=press) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert Delivery.objects.filter(resent_from=delivery).count() == 1
    assert len(refused) == 1
    connection.close()


def test_mail_to_a_dead_address_is_not_just_held_once_more(world: World) -> None:
    delivery = failed_answer(world, UNKNOWN)
    with pytest.raises(recover.SuppressedError):
        recover.resend([delivery.pk], world.ada)
    [sent] = recover.mark_deliverable(delivery.pk, world.ada, "She says it works.", and_send=True)
    assert (sent.recipient, sent.state) == ("clara@customer.test", "queued")
    assert notes(delivery) == ["marked_deliverable"]


def test_held_mail_goes_only_where_the_agent_says_so(world: World) -> None:
    failed = failed_answer(world, UNKNOWN)
    world.answer(Ticket.objects.get(pk=failed.ticket_id), "Once more.")
    held = world.delivery_to(world.clara)
    recover.mark_deliverable(held.pk, world.ada, "She says it works.", and_send=False)
    held.refresh_from_db()
    assert held.state == "held"
    recover.mark_deliverable(held.pk, world.ada, "She says it works.", and_send=True)
    held.refresh_from_db()
    assert held.state == "queued"


def test_after_a_complaint_it_takes_a_reason_and_somebody_who_says_so(world: World) -> None:
    delivery = failed_answer(world, OK)
    world.report(delivery, "250 2.0.0 complaint", Action.COMPLAINT)
    world.report(delivery, UNKNOWN)
    with pytest.raises(recover.ComplaintError):
        recover.mark_deliverable(delivery.pk, world.ada, "Why not.", and_send=True)
    with pytest.raises(recover.ComplaintError):
        recover.mark_deliverable(delivery.pk, world.ada, "", and_send=True, despite_complaint=True)
    recover.mark_deliverable(delivery.pk, world.ada, "Asked us to go on.", and_send=True, despite_complaint=True)
    assert identities.complaint_about(Identity.objects.get(normal="clara@customer.test")) is None


def test_another_address_becomes_primary_and_the_old_one_stays(world: World) -> None:
    delivery = failed_answer(world)
    [sent] = recover.add_address(delivery.pk, "clara@home.test", world.ada, and_resend=True)
    assert sent.recipient == "clara@home.test"
    rows = world.clara.identities.order_by("-primary").values_list("address", "primary")
    assert list(rows) == [("clara@home.test", True), ("clara@customer.test", False)]


def test_an_address_of_somebody_else_is_moved_when_the_agent_says_so(world: World) -> None:
    delivery = failed_answer(world)
    with pytest.raises(AddressTakenError):
        recover.add_address(delivery.pk, "eve@elsewhere.test", world.ada, and_resend=True)
    [sent] = recover.take_address(delivery.pk, "eve@elsewhere.test", world.ada, and_resend=True)
    assert (sent.recipient, sent.person) == ("eve@elsewhere.test", world.clara)
    assert notes(delivery) == ["address_moved"]
    assert not world.outsider.identities.exists()


def test_an_agents_own_address_is_never_moved(world: World) -> None:
    delivery = failed_answer(world)
    with pytest.raises(AddressTakenError):
        recover.take_address(delivery.pk, "bruno@acme.test", world.ada, and_resend=True)


def test_stop_and_correct_is_one_step_and_no_failure_of_its_own(world: World) -> None:
    delivery = failed_answer(world, LATER)
    assert delivery.state == "deferred"
    [sent] = recover.correct_address(delivery.pk, "clara.c@customer.test", world.ada, and_resend=True)
    world.outcome(sent, OK)
    delivery.refresh_from_db()
    assert delivery.state == "cancelled"
    assert not tagged(delivery)
    assert not Event.objects.filter(kind="DeliveryFailure").exists()
    assert standing.open_failures(delivery.ticket_id or 0) == []


def test_what_was_stopped_to_be_corrected_is_open_when_the_new_mail_bounces(world: World) -> None:
    delivery = failed_answer(world, LATER)
    [sent] = recover.correct_address(delivery.pk, "clara.c@customer.test", world.ada, and_resend=True)
    world.outcome(sent, OK)
    world.report(sent, UNKNOWN)
    assert tagged(delivery)
    assert len(standing.open_failures(delivery.ticket_id or 0)) == 1


def test_reached_by_phone_leaves_a_note_in_the_agents_language(world: World) -> None:
    world.clara.phone = "+49 30 1234"
    world.clara.save()
    delivery = failed_answer(world)
    recover.reached_by_phone(delivery.pk, world.bruno, "Ruft morgen zurück.")
    note = Comment.objects.latest("id")
    assert (note.public, note.author) == (False, world.bruno.person)
    assert note.text.startswith("Ich habe Clara Customer (+49 30 1234) telefonisch erreicht.")
    assert "Postfach voll 552 5.2.2" in note.text
    assert note.text.endswith("Ruft morgen zurück.")
    assert (Resolution.objects.get().how, tagged(delivery)) == ("phoned", False)


def test_reached_by_phone_on_a_closed_ticket_stands_in_its_events(world: World) -> None:
    delivery = failed_answer(world)
    Ticket.objects.update(status="closed")
    before = Comment.objects.count()
    recover.reached_by_phone(delivery.pk, world.ada, "All clear.")
    assert Comment.objects.count() == before
    assert Event.objects.get(kind="DeliveryResolution").data["note"] == "All clear."


def test_what_was_handled_can_be_opened_again(world: World) -> None:
    delivery = failed_answer(world)
    recover.mark_handled(delivery.pk, world.ada, "phoned")
    with pytest.raises(recover.NotFailedError):
        recover.mark_handled(delivery.pk, world.bruno, "phoned too")
    recover.open_again(delivery.pk, world.ada)
    ticket = Ticket.objects.get(pk=delivery.ticket_id)
    assert (tagged(delivery), ticket.delivery_health) == (True, "failed")
    with pytest.raises(recover.NotFailedError):
        recover.open_again(delivery.pk, world.ada)


def test_what_failed_twice_is_handled_as_one(world: World) -> None:
    first = failed_answer(world)
    [second] = recover.resend([first.pk], world.ada)
    world.outcome(second, FULL)
    assert tagged(first)
    recover.mark_handled(second.pk, world.ada, "Called her")
    assert not tagged(first)
    assert Ticket.objects.get(pk=first.ticket_id).delivery_health == ""
    assert set(Resolution.objects.values_list("delivery", flat=True)) == {first.pk, second.pk}
    recover.open_again(second.pk, world.ada)
    assert tagged(first)
    [third] = recover.resend([second.pk], world.ada)
    world.outcome(third, OK)
    assert not tagged(first)


def test_what_arrived_on_the_second_try_is_not_opened_by_hand(world: World) -> None:
    delivery = failed_answer(world)
    [sent] = recover.resend([delivery.pk], world.ada)
    world.outcome(sent, OK)
    assert Resolution.objects.get().by == world.ada
    with pytest.raises(recover.NotFailedError):
        recover.open_again(delivery.pk, world.ada)


@pytest.mark.parametrize(
    "press",
    [
        lambda pk, world: recover.resend([pk], world.ada),
        lambda pk, world: recover.retry_now(pk, world.ada),
        lambda pk, world: recover.stop(pk, world.ada),
        lambda pk, world: recover.release(pk, world.ada),
        lambda pk, world: recover.mark_handled(pk, world.ada),
        lambda pk, world: recover.reached_by_phone(pk, world.ada),
        lambda pk, world: recover.correct_address(pk, "clara@home.test", world.ada, and_resend=True),
        lambda pk, world: recover.add_address(pk, "clara@home.test", world.ada, and_resend=True),
    ],
)
def test_a_button_that_comes_too_late_changes_nothing(world: World, press: Callable[[int, World], object]) -> None:
    delivery = failed_answer(world, OK)
    before = (Event.objects.count(), DeliverabilityEntry.objects.count())
    with pytest.raises(recover.NotFailedError):
        press(delivery.pk, world)
    assert (Event.objects.count(), DeliverabilityEntry.objects.count()) == before
    assert not Identity.objects.filter(normal="clara@home.test").exists()
