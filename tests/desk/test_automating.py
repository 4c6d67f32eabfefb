"""Automations: what time does to tickets, once, and within bounds."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from tests.world import World

from answerback.core import clock
from answerback.desk import change
from answerback.desk.composing.reply import Reply, reply
from answerback.desk.running_rules import automating
from answerback.outbound.models import Message
from answerback.rules.models import Automation
from answerback.tickets.changes import Changes
from answerback.tickets.models import Ticket

pytestmark = pytest.mark.django_db


def automation(conditions: list[tuple[str, str, str]], *actions: tuple[str, Any]) -> Automation:
    """The only one in force."""
    Automation.objects.update(active=False)
    now = clock.now()
    return Automation.objects.create(
        title="In time",
        position=9,
        conditions={"all": [{"field": f, "operator": o, "value": v} for f, o, v in conditions], "any": []},
        actions=[{"field": field, "value": value} for field, value in actions],
        created_at=now,
        updated_at=now,
    )


def mail(recipient: str, text: str = "Still there?") -> tuple[str, Any]:
    return "notification_user", [recipient, "About {{ticket.title}}", text]


def ago(hours: float) -> Any:
    return clock.at(clock.now() - timedelta(hours=hours))


@pytest.mark.parametrize("days, health, closed", [(5, "", True), (3, "", False), (5, "failed", False)])
def test_solved_tickets_close(world: World, days: int, health: str, closed: bool) -> None:
    ticket = world.ticket()
    with ago(days * 24):
        change.change(ticket.pk, Changes(status="solved"), world.ada)
    Ticket.objects.filter(pk=ticket.pk).update(delivery_health=health)
    assert automating.run() == (1 if closed else 0)
    ticket.refresh_from_db()
    assert (ticket.status == "closed") is closed


def test_the_ticket_says_which_automation_it_was(world: World) -> None:
    ticket = world.ticket()
    with ago(100):
        change.change(ticket.pk, Changes(status="solved"), world.ada)
    automating.run()
    audit = ticket.audits.latest("id")
    assert (audit.via, audit.rule_kind, audit.rule_title) == (
        "rule", "automation", "Close tickets that have been solved for four days",
    )  # fmt: skip


@pytest.mark.parametrize(
    "field, operator, hours, due",
    [
        ("PENDING", "greater_than", 48, True), ("PENDING", "greater_than", 51, False),
        ("PENDING", "less_than", 51, True), ("PENDING", "is", 50, True), ("PENDING", "is", 49, False),
        ("OPEN", "greater_than", 1, False), ("NEW", "greater_than", 48, True),
        ("assigned_at", "is", 50, True), ("updated_at", "greater_than", 50, True),
        ("requester_updated_at", "greater_than", 50, True), ("assignee_updated_at", "less_than", 60, True),
        ("failed_at", "greater_than", 0, False),
    ],
)  # fmt: skip
def test_hours(world: World, field: str, operator: str, hours: int, due: bool) -> None:
    """Clara wrote 50 hours ago; Ada took the ticket, and it waits for Clara since."""
    with ago(50.5):
        ticket = world.ticket()
        change.change(ticket.pk, Changes(assignee=world.ada), world.bruno)
        change.change(ticket.pk, Changes(status="pending"), world.ada)
    automation([(field, operator, str(hours))], ("current_tags", "due"))
    assert automating.run() == int(due)
    assert ticket.tags.filter(name="due").exists() is due


def test_other_conditions_count_as_well(world: World) -> None:
    with ago(5):
        tickets = [world.ticket(), world.ticket()]
    change.change(tickets[0].pk, Changes(add_tags=["vip"]), world.ada)
    automation([("NEW", "greater_than", "4"), ("current_tags", "includes", "vip")], ("priority", "urgent"))
    automating.run()
    assert list(Ticket.objects.order_by("id").values_list("priority", flat=True)) == ["urgent", ""]


def test_once_for_each_update_by_a_person(world: World) -> None:
    """What it wrote itself sets nothing going, not even where its condition goes on to hold."""
    with ago(5):
        ticket = world.ticket()
    automation([("NEW", "greater_than", "4")], mail("requester_id"))
    assert [automating.run(), automating.run()] == [1, 0]
    reply(ticket.pk, Reply(text="We look at it", public=False), world.ada)
    assert [automating.run(), automating.run()] == [1, 0]
    assert Message.objects.filter(kind="automatic").count() == 2


def test_the_failure_of_its_own_mail_sets_nothing_going(world: World) -> None:
    with ago(5):
        ticket = world.ticket()
    automation([("NEW", "greater_than", "4")], mail("requester_id"))
    automating.run()
    world.outcome(world.delivery_to(world.clara), "550 5.1.1 User unknown")
    assert automating.run() == 0
    ticket.refresh_from_db()
    assert ticket.delivery_health == "automatic"


def test_a_new_failure_of_an_answer_does(world: World) -> None:
    ticket = world.ticket()
    automation([("failed_at", "greater_than", "2")], mail("supervisors"))
    for hours in (10, 5):
        with ago(hours):
            world.answer(ticket)
            world.outcome(world.delivery_to(world.clara), "552 5.2.2 Mailbox full")
        assert [automating.run(), automating.run()] == [1, 0]


def test_triggers_hear_of_it(world: World) -> None:
    with ago(5):
        ticket = world.ticket()
    automation([("NEW", "greater_than", "4")], ("assignee_id", str(world.bruno.pk)))
    automating.run()
    assert list(ticket.deliveries.values_list("recipient", flat=True)) == ["bruno@acme.test"]


def test_closed_tickets_are_history(world: World) -> None:
    with ago(5):
        ticket = world.ticket()
    Ticket.objects.filter(pk=ticket.pk).update(status="closed")
    automation([("NEW", "greater_than", "4")], ("priority", "urgent"))
    assert automating.run() == 0


def test_a_run_is_bounded_and_the_next_goes_on_behind_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(automating, "LOOKED_AT", 2)
    monkeypatch.setattr(automating, "_CHUNK", 2)
    with ago(5):
        for number in range(5):
            world.ticket(f"Number {number}")
    rule = automation([("NEW", "greater_than", "4")], ("priority", "urgent"))
    for looked_until in (2, 4, 0):
        automating.run()
        rule.refresh_from_db()
        ids = list(Ticket.objects.order_by("id").values_list("pk", flat=True))
        assert rule.looked_until == (ids[looked_until - 1] if looked_until else 0)
    assert set(Ticket.objects.values_list("priority", flat=True)) == {"urgent"}


def test_looking_costs_the_same_for_many_tickets(world: World) -> None:
    automation([("NEW", "greater_than", "4"), ("current_tags", "includes", "vip")], ("priority", "urgent"))
    counts = []
    for _ in range(2):
        with ago(5):
            for _number in range(4):
                world.ticket()
        with CaptureQueriesContext(
            connection,
        ) as queries:
            automating.run()
        counts.append(len(queries))
    assert counts[0] == counts[1]
