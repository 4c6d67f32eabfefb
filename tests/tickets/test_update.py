"""The one way a ticket changes: what is written, and what is left alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction
from tests.world import World, make_world

from answerback.core import db
from answerback.tickets import update
from answerback.tickets.changes import Changes
from answerback.tickets.models import Event, Participant, Tag, Ticket


def changed(ticket: Ticket) -> dict[str, Any]:
    rows = Event.objects.filter(ticket=ticket, kind__in=["Change", "EmailCcChange"])
    return {row.field: (row.data["previous_value"], row.data["value"]) for row in rows}


def test_creation_is_told_field_by_field(world: World) -> None:
    ticket = world.ticket()
    told = {row.field: row.data["value"] for row in Event.objects.filter(ticket=ticket, kind="Create")}
    assert told == {
        "subject": "Printer on fire", "status": "new", "requester_id": world.clara.pk, "group_id": world.group.pk,
    }  # fmt: skip


def test_only_differences_are_written(world: World) -> None:
    ticket = world.ticket()
    audit = update.apply(ticket.pk, Changes(priority="high", status="new"), world.ada.person, "web")
    assert audit is not None
    assert changed(ticket) == {"priority": ("", "high")}
    assert update.apply(ticket.pk, Changes(priority="high"), world.ada.person, "web") is None


def test_assigning_a_new_ticket_opens_it(world: World) -> None:
    ticket = world.ticket()
    update.apply(ticket.pk, Changes(assignee=world.ada), world.ada.person, "web")
    assert changed(ticket) == {"assignee_id": ("", world.ada.pk), "status": ("new", "open")}


@pytest.mark.parametrize(
    "changes, tags",
    [
        (Changes(add_tags=["Two words", "a"]), ["a", "old", "two", "words"]),
        (Changes(remove_tags=["old", "missing"]), []),
        (Changes(set_tags=["x"]), ["x"]),
        (Changes(set_tags=["x"], add_tags=["y"], remove_tags=["x"]), ["y"]),
    ],
)
def test_tags(world: World, changes: Changes, tags: list[str]) -> None:
    ticket = world.ticket()
    update.apply(ticket.pk, Changes(add_tags=["old"]), world.ada.person, "web")
    update.apply(ticket.pk, changes, world.ada.person, "web")
    assert sorted(ticket.tags.values_list("name", flat=True)) == tags


def test_removed_cc_stays_a_former_participant(world: World) -> None:
    ticket = world.ticket(ccs=[world.deniz])
    update.apply(ticket.pk, Changes(remove_ccs=[world.deniz]), world.ada.person, "web")
    assert Participant.objects.get(ticket=ticket, person=world.deniz).role == "former"
    assert changed(ticket) == {"ccs": (["Deniz Demir"], [])}


def test_unconfirmed_cc_is_marked_until_an_agent_confirms(world: World) -> None:
    ticket = world.ticket()
    update.apply(ticket.pk, Changes(unconfirmed_ccs=[world.deniz]), world.clara, "email")
    assert Participant.objects.get(person=world.deniz).confirmed is False
    update.apply(ticket.pk, Changes(confirm_ccs=[world.deniz]), world.ada.person, "web")
    assert Participant.objects.get(person=world.deniz).confirmed is True


def test_new_requester_takes_the_place(world: World) -> None:
    ticket = world.ticket(ccs=[world.deniz])
    update.apply(ticket.pk, Changes(requester=world.deniz), world.ada.person, "web")
    roles = dict(Participant.objects.filter(ticket=ticket).values_list("person__name", "role"))
    assert roles == {"Clara Customer": "former", "Deniz Demir": "requester"}


def test_closed_ticket_changes_for_the_system_only(world: World) -> None:
    ticket = world.ticket()
    update.apply(ticket.pk, Changes(status="closed"), world.ada.person, "web")
    with pytest.raises(update.TicketClosedError):
        update.apply(ticket.pk, Changes(status="open"), world.ada.person, "web")
    assert update.apply(ticket.pk, Changes(add_tags=["late"]), None, update.SYSTEM) is not None


def test_solved_at_follows_the_status(world: World) -> None:
    ticket = world.ticket()
    for status, has_time in (("solved", True), ("open", False)):
        update.apply(ticket.pk, Changes(status=status), world.ada.person, "web")
        ticket.refresh_from_db()
        assert (ticket.solved_at is not None) is has_time


@pytest.mark.django_db(transaction=True)
def test_what_refers_to_a_ticket_does_not_wait_for_who_changes_it() -> None:
    """Two that wait for each other, one for the ticket and one for a row about it, would end in a deadlock."""
    if not db.is_postgresql():
        pytest.skip("on SQLite one transaction writes at a time")
    ticket = make_world().ticket()

    def refer() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '10s'")
        try:
            Tag.objects.create(ticket=ticket, name="beside")
        finally:
            connection.close()

    with transaction.atomic(), ThreadPoolExecutor(1) as thread:
        update.apply(ticket.pk, Changes(priority="high"), None, "web")
        thread.submit(refer).result()
    assert ticket.tags.get().name == "beside"
