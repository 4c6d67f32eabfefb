"""What a macro puts into the composer, what sending it changes, and whose macros are whose."""

from __future__ import annotations

from typing import Any

from tests.world import World

from answerback.desk import drafts, macros, submitting
from answerback.desk.drafts import Writing
from answerback.people.models import Account
from answerback.rules import macros as rows
from answerback.rules.macros import Wanted
from answerback.rules.models import Macro
from answerback.tickets.changes import UNSET


def make_macro(title: str = "Thanks", **wanted: Any) -> Macro:
    return rows.save_macro(None, Wanted(title=title, **wanted))


def test_text_speaks_the_requesters_language_and_placeholders_are_substituted_once(world: World) -> None:
    ticket = world.ticket("{{ticket.id}}")
    macro = make_macro(actions={"comment_value": {"en": "Hello {{ticket.title}}", "de": "Hallo {{ticket.title}}"}})
    assert macros.apply(macro, ticket, world.ada).text == "Hello {{ticket.id}}"
    world.clara.language = "de"
    world.clara.save()
    ticket.refresh_from_db()
    assert macros.apply(macro, ticket, world.ada).text == "Hallo {{ticket.id}}"


def test_the_shipped_macro_tells_what_was_not_delivered(world: World) -> None:
    ticket = world.ticket()
    world.answer(ticket)
    world.outcome(world.delivery_to(world.clara), "552 5.2.2 Mailbox full")
    done = macros.apply(Macro.objects.get(key="reached_another_way"), ticket, world.ada)
    assert "Clara Customer <clara@customer.test>: mailbox full. 552 5.2.2" in done.text
    assert done.public is False


def test_nothing_is_stored_until_it_is_sent(world: World) -> None:
    ticket = world.ticket()
    actions = {
        "assignee_id": "current_user",
        "priority": "high",
        "current_tags": "one two",
        "cc": "deniz@customer.test",
    }
    macro = make_macro(actions=actions)
    macros.apply(macro, ticket, world.ada)
    ticket.refresh_from_db()
    assert (ticket.assignee, ticket.priority) == (None, "")
    writing = Writing(text="Done.", status="solved", fields={"macro": str(macro.pk)})
    draft = drafts.keep(world.ada, ticket.pk, writing).draft
    assert draft
    submitting.submit(draft)
    ticket.refresh_from_db()
    macro.refresh_from_db()
    assert (ticket.assignee, ticket.priority, ticket.status) == (world.ada, "high", "solved")
    assert set(ticket.tags.values_list("name", flat=True)) == {"one", "two"}
    assert ticket.participants.filter(person=world.deniz, role="cc").exists()
    assert macro.used == 1


def test_of_two_macros_the_later_one_counts(world: World) -> None:
    first = make_macro(actions={"status": "solved", "current_tags": "one"})
    second = make_macro(actions={"status": "open", "current_tags": "two"})
    changes = macros.changes_of(macros.chosen(f"{first.pk},{second.pk},x,999", world.ada), world.ada)
    assert (changes.status, list(changes.add_tags)) == ("open", ["one", "two"])


def test_who_left_is_not_assigned(world: World) -> None:
    macro = make_macro(actions={"assignee_id": str(world.bruno.pk)})
    Account.objects.filter(pk=world.bruno.pk).update(is_active=False)
    assert macros.changes_of([macro], world.ada).assignee is UNSET


def test_own_ones_and_those_of_other_groups_stay_unseen(world: World) -> None:
    world.ada.groups.clear()
    own = make_macro("Bruno's own", owner=world.bruno)
    group = make_macro("For the group", group=world.group)
    seen = set(rows.visible_to(world.ada))
    assert not {own, group} & seen
    assert macros.find(own.pk, world.ada) is None
    assert {own, group} <= set(rows.visible_to(world.bruno))


def test_order_and_deletion_can_be_changed_back(world: World) -> None:
    Macro.objects.all().delete()
    one, two, three = (make_macro(name) for name in ("One", "Two", "Three"))
    rows.move([one, two, three], three, 1)
    assert [row.title for row in rows.visible_to(world.bruno)] == ["One", "Three", "Two"]
    rows.delete_macro(one)
    assert one not in rows.visible_to(world.bruno)
    assert rows.take_back(one.pk)
    assert one in rows.visible_to(world.bruno)
    assert two in rows.visible_to(world.bruno)
