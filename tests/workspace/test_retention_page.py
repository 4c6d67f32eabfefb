"""A limit for keeping tickets is looked at before it counts."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from tests.world import World

from answerback.core import clock
from answerback.desk.change import change
from answerback.desk.keeping import retention
from answerback.desk.keeping.retention import Limits
from answerback.tickets.changes import Changes
from answerback.tickets.models import Ticket


def close_long_ago(world: World) -> None:
    with clock.at(clock.now() - timedelta(days=40)):
        change(world.ticket().pk, Changes(status="closed"), world.ada)


def test_a_limit_shows_what_would_go_and_counts_only_then(bruno: Client, world: World) -> None:
    close_long_ago(world)
    page = bruno.post("/admin/retention", {"days": "30", "people": "on"}).text
    assert "1 Ticket würde heute gehen" in page
    assert retention.limits() == Limits(), "nothing is saved yet"
    bruno.post("/admin/retention", {"days": "30", "people": "on", "confirmed": "1"})
    assert retention.limits() == Limits(days=30, people=True)
    assert "1 Ticket würde heute gehen" in bruno.get("/admin/retention").text
    assert Ticket.objects.count() == 1, "the tidying worker deletes, not the page"


def test_no_limit_needs_no_second_look(bruno: Client, world: World) -> None:
    retention.set_limits(Limits(days=30))
    bruno.post("/admin/retention", {"days": ""})
    assert retention.limits() == Limits()


@pytest.mark.parametrize("days", ["-1", "soon", "36501", "1" * 30])
def test_what_is_no_number_of_days_changes_nothing(bruno: Client, world: World, days: str) -> None:
    page = bruno.post("/admin/retention", {"days": days, "confirmed": "1"}, follow=True).text
    assert "Geben Sie eine ganze Zahl" in page
    assert retention.limits() == Limits()


def test_only_administrators_decide(ada: Client, world: World) -> None:
    assert ada.post("/admin/retention", {"days": "30", "confirmed": "1"}).status_code == 403
