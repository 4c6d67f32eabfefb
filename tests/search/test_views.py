"""Views: which tickets, how many, and pages by keyset in both directions."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.world import World

from answerback.core import clock
from answerback.search import keyset, sorts, views
from answerback.search.models import View
from answerback.tickets import update
from answerback.tickets.changes import Changes
from answerback.tickets.models import Ticket


def view(world: World, key: str) -> View:
    found = views.find(key, world.ada)
    assert found
    return found


def test_system_views_hold_what_they_say(world: World) -> None:
    failed, fine = world.ticket("failed"), world.ticket("fine")
    for ticket in (failed, fine):
        world.answer(ticket)
    solved = world.ticket("solved")
    update.apply(fine.pk, Changes(status="pending"), world.ada.person, "web")
    update.apply(solved.pk, Changes(status="solved", assignee=world.ada), world.ada.person, "web")
    deliveries = {d.ticket_id: d for d in world.delivery_to(world.clara).__class__.objects.all()}
    world.outcome(deliveries[failed.pk], "552 5.2.2 Mailbox full")
    world.outcome(deliveries[fine.pk], "250 Ok")
    expected = {
        "undelivered": ["failed"], "my-undelivered": ["failed"], "failures": ["failed"], "trying": [],
        "undelivered-automatic": [], "my-open": ["failed", "fine"], "unassigned": [],
        "open": ["failed", "fine"], "solved": ["solved"],
    }  # fmt: skip
    for key, subjects in expected.items():
        found = views.tickets(view(world, key), world.ada)
        assert sorted(ticket.subject for ticket in found) == subjects, key
    assert views.tickets(view(world, "my-undelivered"), world.bruno).count() == 0


def test_counts_come_in_one_query(world: World, django_assert_num_queries: Any) -> None:
    world.ticket()
    found = views.visible_to(world.ada)
    with django_assert_num_queries(1):
        counts = views.counts(found, world.ada)
    assert counts[view(world, "unassigned").pk] == 1
    assert counts[view(world, "undelivered").pk] == 0


@pytest.mark.parametrize("sort_by", list(sorts.SORTS))
@pytest.mark.parametrize("descending", [True, False])
def test_pages_hold_every_ticket_once(world: World, sort_by: str, descending: bool) -> None:
    start = clock.now() - timedelta(days=9)
    for number in range(7):
        with clock.at(start + timedelta(hours=number // 2)):
            ticket = world.ticket(f"t{number}")
        failed = start + timedelta(hours=number) if number % 3 else None
        Ticket.objects.filter(pk=ticket.pk).update(failed_at=failed, priority_rank=number % 3)
    rows = Ticket.objects.all()
    whole = [ticket.pk for ticket in keyset.page(*sorts.ordered(rows, sort_by, descending), size=50).rows]
    assert len(whole) == 7
    pages, mark = [], ""
    while True:
        page = keyset.page(*sorts.ordered(rows, sort_by, descending), after=mark, size=2)
        pages.append(page)
        mark = page.after
        if not mark:
            break
    assert [ticket.pk for page in pages for ticket in page.rows] == whole
    back = keyset.page(*sorts.ordered(rows, sort_by, descending), before=pages[2].before, size=2)
    assert [ticket.pk for ticket in back.rows] == [ticket.pk for ticket in pages[1].rows]


@pytest.mark.parametrize("mark", ["x", "eyJh", "W10", "WzEsMl0", "ü"])
def test_foreign_marks_are_ignored(world: World, mark: str) -> None:
    world.ticket()
    assert len(keyset.page(*sorts.ordered(Ticket.objects.all(), "updated", True), after=mark).rows) <= 1


def test_personal_views_are_personal(world: World) -> None:
    now = clock.now()
    mine = View.objects.create(title="Mine", owner=world.ada, conditions={}, created_at=now, updated_at=now)
    assert views.find(str(mine.pk), world.ada) == mine
    assert views.find(str(mine.pk), world.bruno) is None
