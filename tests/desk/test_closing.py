from __future__ import annotations

from datetime import timedelta

import pytest
from tests.world import World

from answerback.core import clock
from answerback.desk import change, closing
from answerback.tickets.changes import Changes
from answerback.tickets.models import Ticket


@pytest.mark.parametrize("days, health, closed", [(5, "", True), (3, "", False), (5, "failed", False)])
def test_solved_tickets_close(world: World, days: int, health: str, closed: bool) -> None:
    ticket = world.ticket()
    with clock.at(clock.now() - timedelta(days=days)):
        change.change(ticket.pk, Changes(status="solved"), world.ada)
    Ticket.objects.filter(pk=ticket.pk).update(delivery_health=health)
    assert closing.close_solved() == (1 if closed else 0)
    ticket.refresh_from_db()
    assert (ticket.status == "closed") is closed
