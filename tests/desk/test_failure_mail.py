"""Mail to agents about failures: who gets it, and that it never becomes a loop or a flood."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.world import World

from answerback.core import clock
from answerback.core.models import Setting
from answerback.desk import delivery_events
from answerback.desk.fixing import recover
from answerback.desk.running_rules import defaults
from answerback.outbound.models import Delivery
from answerback.people.models import Account
from answerback.rules.models import Trigger
from answerback.tickets.models import Ticket

UNKNOWN = "550 5.1.1 User unknown"
FULL = "552 5.2.2 Mailbox full"
OK = "250 2.0.0 Ok: queued"


def mailed() -> list[str]:
    return list(Delivery.objects.filter(kind="agent").order_by("id").values_list("recipient", flat=True))


def test_without_assignee_and_group_the_supervisors_are_mailed(world: World) -> None:
    ticket = world.ticket()
    world.answer(ticket)
    Ticket.objects.filter(pk=ticket.pk).update(assignee=None, group=None)
    world.outcome(world.delivery_to(world.clara), FULL)
    assert mailed() == ["bruno@acme.test"]


def test_a_ticket_left_to_somebody_who_is_gone_is_mailed_to_its_group(world: World) -> None:
    ticket = world.ticket()
    world.answer(ticket)  # the first answer makes Ada the assignee
    Account.objects.filter(pk=world.ada.pk).update(is_active=False)
    world.outcome(world.delivery_to(world.clara), FULL)
    assert mailed() == ["bruno@acme.test"]


@pytest.mark.parametrize("end", ["refused", "bounced"])
def test_a_mail_to_an_agent_that_fails_causes_no_other_mail(end: str, world: World) -> None:
    ticket = world.ticket()
    world.answer(ticket)
    world.outcome(world.delivery_to(world.clara), FULL)
    to_ada = world.delivery_to(world.ada.person)
    if end == "bounced":
        world.outcome(to_ada, OK)
        world.report(to_ada, UNKNOWN)
    else:
        world.outcome(to_ada, UNKNOWN)
    assert mailed() == ["ada@acme.test"]
    ticket.refresh_from_db()
    assert ticket.delivery_health == "failed"  # Clara's failure, not Ada's


def test_an_agents_dead_address_is_not_written_to_again_and_again(world: World) -> None:
    for _ in range(3):
        ticket = world.ticket()
        world.answer(ticket)
        world.outcome(world.delivery_to(world.clara), FULL)
        to_ada = world.delivery_to(world.ada.person)
        if to_ada.state == "queued":
            world.outcome(to_ada, UNKNOWN)
        delivery_events.react()
    states = Delivery.objects.filter(kind="agent").order_by("id").values_list("state", flat=True)
    assert list(states) == ["failed", "held", "held"]


def test_further_failures_of_a_ticket_are_not_mailed_within_the_hour(world: World) -> None:
    ticket = world.ticket(ccs=[world.deniz])
    comment = world.answer(ticket)
    world.outcome(world.delivery_to(world.clara, comment), FULL)
    world.outcome(world.delivery_to(world.deniz, comment), FULL)
    assert mailed() == ["ada@acme.test"]
    world.answer(ticket, "Another try.")
    with clock.at(clock.now() + timedelta(minutes=61)):
        world.outcome(world.delivery_to(world.clara), FULL)
    assert mailed() == ["ada@acme.test"] * 2


def test_who_believes_that_all_is_well_is_mailed_again(world: World) -> None:
    ticket = world.ticket()
    world.answer(ticket)
    failed = world.delivery_to(world.clara)
    world.outcome(failed, FULL)
    [again] = recover.resend([failed.pk], world.ada)
    world.outcome(again, OK)
    world.report(again, FULL)
    assert mailed() == ["ada@acme.test"] * 2


def test_nobody_is_mailed_what_they_did_themselves(world: World) -> None:
    ticket = world.ticket()
    world.answer(ticket)
    recover.stop(world.delivery_to(world.clara).pk, world.ada)
    delivery_events.react()
    assert mailed() == []


def test_new_triggers_reach_old_installations_and_deleted_ones_stay_away(world: World) -> None:
    Trigger.objects.filter(key="supervisors_undelivered").delete()
    Setting.objects.filter(name="defaults_installed").update(value=1)  # as the first versions left it
    defaults.install()
    assert Trigger.objects.filter(key="supervisors_undelivered").count() == 1
    assert Trigger.objects.latest("position").key == "supervisors_undelivered"
    Trigger.objects.filter(key="group_undelivered").delete()
    defaults.install()
    assert not Trigger.objects.filter(key="group_undelivered").exists()
