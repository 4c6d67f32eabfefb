"""From an outcome to what the ticket says: tag, health, events, triggers, resolutions."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.outbound.reports import return_path
from tests.world import World

from answerback.desk import delivery_events
from answerback.desk.fixing import recover
from answerback.outbound import lifecycle, standing
from answerback.outbound.models import Delivery, DeliveryEvent, Resolution
from answerback.outbound.returned import handle_report
from answerback.outbound.standing import Case
from answerback.people.models import Identity
from answerback.tickets.models import FAILURE_TAG, Event, Ticket
from mailroom.message import parse
from mailroom.states import Fact

UNKNOWN = "550 5.1.1 <clara@customer.test>: Recipient address rejected: User unknown"
FULL = "552 5.2.2 Mailbox full"
OK = "250 2.0.0 Ok: queued"


def tags(ticket: Ticket) -> set[str]:
    return set(ticket.tags.values_list("name", flat=True))


def test_failure_tags_the_ticket_and_is_told_in_the_events(world: World) -> None:
    ticket = world.ticket(ccs=[world.deniz])
    comment = world.answer(ticket)
    world.outcome(world.delivery_to(world.deniz), OK)
    assert FAILURE_TAG not in tags(ticket)
    world.outcome(world.delivery_to(world.clara), UNKNOWN)
    ticket.refresh_from_db()
    assert FAILURE_TAG in tags(ticket)
    assert (ticket.delivery_health, ticket.ever_failed) == ("failed", True)
    failure = Event.objects.get(ticket=ticket, kind="DeliveryFailure").data
    assert failure["cause"] == "address_unknown"
    assert (failure["smtp_code"], failure["enhanced_code"]) == (550, "5.1.1")
    assert failure["trigger_title"] == "Notify requester and CCs of comment update"
    told = standing.of_ticket(ticket.pk)[comment.pk]
    assert told.case == Case.SOME
    assert [person.name for person in told.failing] == ["Clara Customer"]


def test_banner_cases(world: World) -> None:
    ticket = world.ticket(ccs=[world.deniz])
    comment = world.answer(ticket)
    world.outcome(world.delivery_to(world.clara), UNKNOWN)
    world.outcome(world.delivery_to(world.deniz), FULL)
    assert standing.of_ticket(ticket.pk)[comment.pk].case == Case.ALL
    alone = world.ticket("Alone")
    second = world.answer(alone)
    told = standing.of_ticket(alone.pk)[second.pk]
    assert told.case == Case.ONE_HELD  # the address is known to be dead by now
    assert told.people[0].worst.newest.state == "held"


def test_hard_cause_suppresses_at_once_and_soft_does_not(world: World) -> None:
    ticket = world.ticket(ccs=[world.deniz])
    world.answer(ticket)
    world.outcome(world.delivery_to(world.clara), UNKNOWN)
    world.outcome(world.delivery_to(world.deniz), FULL)
    assert Identity.objects.get(normal="clara@customer.test").deliverability == "suppressed"
    assert Identity.objects.get(normal="deniz@customer.test").deliverability == "unknown"


def test_what_a_provider_did_not_try_leaves_the_address_as_it_was(world: World, settings: Any) -> None:
    """The list is the provider's: it says nothing new of the mailbox, and we must not go on holding mail after it."""
    settings.RETURN_PATH_DOMAIN = "acme.test"
    world.answer(world.ticket())
    delivery = world.delivery_to(world.clara)
    world.outcome(delivery, OK, final=False)
    event = {"email": delivery.recipient, "event": "dropped", "reason": "Bounced Address", "sg_event_id": "e1"}
    mail = parse(f"From: events@relay.test\r\nContent-Type: application/json\r\n\r\n[{json.dumps(event)}]".encode())
    handle_report(1, mail, [return_path(delivery)])
    delivery_events.react()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.cause, delivery.permanent) == ("failed", "provider_suppressed", True)
    address = Identity.objects.get(normal="clara@customer.test")
    assert address.deliverability == "unknown"
    assert list(address.ledger.values_list("kind", "cause")) == [("failure", "provider_suppressed")]
    [again] = recover.resend([delivery.pk], world.ada)
    assert again.state == "queued"


def test_corrected_and_resent_failure_is_resolved_and_the_tag_goes(world: World) -> None:
    ticket = world.ticket()
    comment = world.answer(ticket)
    failed = world.delivery_to(world.clara)
    world.outcome(failed, UNKNOWN)
    [again] = recover.correct_address(failed.pk, "clara.c@customer.test", world.ada, and_resend=True)
    assert (again.recipient, again.message_id, again.resent_from_id) == (
        "clara.c@customer.test", failed.message_id, failed.pk,
    )  # fmt: skip
    assert FAILURE_TAG in tags(ticket)
    world.outcome(again, OK)
    assert FAILURE_TAG not in tags(ticket)
    ticket.refresh_from_db()
    assert ticket.delivery_health == ""
    assert Resolution.objects.get(delivery=failed).how == "corrected"
    assert standing.of_ticket(ticket.pk)[comment.pk].case == Case.NONE


def test_the_tag_stays_where_the_admin_wants_it_as_in_zendesk(world: World, settings: Any) -> None:
    settings.KEEP_FAILURE_TAG = True
    ticket = world.ticket()
    world.answer(ticket)
    failed = world.delivery_to(world.clara)
    world.outcome(failed, FULL)
    [again] = recover.resend([failed.pk], world.ada)
    world.outcome(again, OK)
    ticket.refresh_from_db()
    assert (ticket.delivery_health, FAILURE_TAG in tags(ticket)) == ("", True)


def test_failure_is_open_again_when_the_resend_bounces(world: World) -> None:
    ticket = world.ticket()
    world.answer(ticket)
    failed = world.delivery_to(world.clara)
    world.outcome(failed, FULL)
    [again] = recover.resend([failed.pk], world.ada)
    world.outcome(again, OK)
    assert FAILURE_TAG not in tags(ticket)
    world.report(again, "552 5.2.2 Mailbox full")
    assert FAILURE_TAG in tags(ticket)
    assert not Resolution.objects.filter(revoked_at__isnull=True).exists()


def test_answering_again_resolves_only_once_accepted(world: World) -> None:
    ticket = world.ticket()
    world.answer(ticket)
    failed = world.delivery_to(world.clara)
    world.outcome(failed, FULL)
    second = world.answer(ticket, "Once more: use the blue bucket.", replaces=[failed.pk])
    assert FAILURE_TAG in tags(ticket)
    world.outcome(world.delivery_to(world.clara, second), OK)
    assert FAILURE_TAG not in tags(ticket)
    assert Resolution.objects.get(delivery=failed).how == "replied"


def test_unrelated_answer_resolves_nothing(world: World) -> None:
    ticket = world.ticket()
    world.answer(ticket)
    world.outcome(world.delivery_to(world.clara), FULL)
    second = world.answer(ticket, "Something else.")
    world.outcome(world.delivery_to(world.clara, second), OK)
    assert FAILURE_TAG in tags(ticket)


def test_handled_by_hand(world: World) -> None:
    ticket = world.ticket()
    world.answer(ticket)
    failed = world.delivery_to(world.clara)
    world.outcome(failed, FULL)
    recover.mark_handled(failed.pk, world.ada, "told her on the phone")
    assert FAILURE_TAG not in tags(ticket)
    assert Event.objects.get(ticket=ticket, kind="DeliveryResolution").data["by"] == "Ada Agent"


def test_solved_ticket_is_reopened_and_its_assignee_told(world: World) -> None:
    ticket = world.ticket()
    world.answer(ticket)
    Ticket.objects.filter(pk=ticket.pk).update(status="solved", status_rank=4)
    world.outcome(world.delivery_to(world.clara), FULL)
    ticket.refresh_from_db()
    assert ticket.status == "open"
    told = Delivery.objects.get(kind="agent")
    assert told.recipient == "ada@acme.test"
    assert b"Clara Customer" in bytes(told.message.body)


def test_failure_of_mail_to_an_agent_is_not_the_tickets(world: World) -> None:
    ticket = world.ticket()
    world.answer(ticket)
    world.outcome(world.delivery_to(world.clara), FULL)
    before = Event.objects.filter(ticket=ticket).count()
    world.outcome(Delivery.objects.get(kind="agent"), UNKNOWN)
    assert Event.objects.filter(ticket=ticket).count() == before


def test_each_event_is_handled_once(world: World) -> None:
    ticket = world.ticket()
    world.answer(ticket)
    world.outcome(world.delivery_to(world.clara), FULL)
    assert delivery_events.react() == 0
    assert not DeliveryEvent.objects.filter(handled_at__isnull=True).exists()


def test_two_that_react_at_once_are_no_error(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    waiting = world.delivery_to(world.clara, world.answer(world.ticket()))
    lifecycle.decide([waiting.pk], Fact.CANCEL, world.ada)
    seen_before_the_other = list(delivery_events._pending(10))
    assert delivery_events.react() == 1
    monkeypatch.setattr(delivery_events, "_pending", lambda limit: seen_before_the_other)
    assert delivery_events.react() == 0
    assert not caplog.records
