"""Who else is at the ticket."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.world import World

from answerback.core import clock
from answerback.desk.composing import presence

pytestmark = pytest.mark.django_db


def seen_by_bruno(world: World, ticket_id: int) -> list[tuple[str, bool]]:
    return [(one.account.person.name, one.writing) for one in presence.others(ticket_id, world.bruno)]


def test_others_are_seen_viewing_and_writing_and_oneself_is_not(world: World) -> None:
    ticket = world.ticket()
    presence.note(ticket.pk, world.ada, writing=False)
    presence.note(ticket.pk, world.bruno, writing=False)
    assert seen_by_bruno(world, ticket.pk) == [("Ada Agent", False)]
    presence.note(ticket.pk, world.ada, writing=True)
    assert seen_by_bruno(world, ticket.pk) == [("Ada Agent", True)]


def test_who_leaves_or_falls_silent_is_gone(world: World) -> None:
    ticket = world.ticket()
    presence.note(ticket.pk, world.ada, writing=True)
    with clock.at(clock.now() + timedelta(minutes=1)):
        assert seen_by_bruno(world, ticket.pk) == []
        assert presence.forget_old() == 1
    presence.note(ticket.pk, world.ada, writing=True)
    presence.leave(ticket.pk, world.ada)
    assert seen_by_bruno(world, ticket.pk) == []
