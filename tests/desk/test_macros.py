"""What a macro puts into the composer, what sending it changes, and whose macros are whose."""

from __future__ import annotations

from typing import Any

from tests.world import World

from answerback.desk.composing import drafts, submitting
from answerback.desk.composing.drafts import Writing
from answerback.desk.running_rules import macros
from answerback.people.models import Account
from answerback.rules import macros as rows
from answerback.rules.macros import Wanted
from answerback.rules.models import Macro
from answerback.tickets.changes import UNSET
from answerback.tickets.models import Ticket


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
    changes = macros.changes_of(macros.chosen(f"{first.pk},{second.pk},x,{10**9}", world.ada), world.ada)
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


GREETING = "Hello {{ticket.requester.name}},\n\nyour number is {{ticket.id}}. {{support.name}} {{ticket.status}}"


def opened(world: World, text: str, html: str = "", **fields: str) -> Ticket:
    typed = {"requester": "rosa@ok.test", "subject": "Order", **fields}
    draft = drafts.keep(world.ada, None, Writing(text=text, html=html, status="open", fields=typed)).draft
    assert draft
    return submitting.submit(draft).ticket


def test_on_a_new_ticket_what_nobody_knows_yet_is_filled_in_when_it_is_opened(world: World) -> None:
    macro = make_macro(actions={"comment_value": {"": GREETING}})
    done = macros.apply_to_new(macro, {"requester": "", "subject": ""}, world.ada)
    assert done.text == "Hello {{ticket.requester.name}},\n\nyour number is {{ticket.id}}. Acme Support "
    assert done.later == ["ticket.id", "ticket.requester.name"]
    html = "<p>Hello {{ticket.requester.name}}, {{ticket.id}} {{ticket.title}}</p>"
    names = {"placeholders": " ".join([*done.later, "ticket.latest_comment"]), "requester_name": "Rosa <b>"}
    ticket = opened(world, done.text + "{{ticket.title}}", html, macro=str(macro.pk), **names)
    comment = ticket.comments.get()
    assert comment.text == f"Hello Rosa <b>,\n\nyour number is {ticket.pk}. Acme Support {{{{ticket.title}}}}"
    assert comment.html == f"<p>Hello Rosa &lt;b&gt;, {ticket.pk} {{{{ticket.title}}}}</p>"
    macro.refresh_from_db()
    assert macro.used == 1


def test_on_a_new_ticket_what_is_typed_is_put_in_at_once(world: World) -> None:
    texts = {"en": "Hello {{ticket.requester.name}}: {{ticket.title}}", "de": "Guten Tag {{ticket.requester.name}}"}
    macro = make_macro(actions={"comment_value": texts})
    typed = {"requester": "rosa@ok.test", "requester_name": "Rosa", "subject": "{{ticket.id}}"}
    assert macros.apply_to_new(macro, typed, world.ada).text == "Hello Rosa: {{ticket.id}}"
    world.clara.language = "de"
    world.clara.save()
    typed = {"requester": "clara@customer.test", "requester_name": "Somebody"}
    assert macros.apply_to_new(macro, typed, world.ada).text == "Guten Tag Clara Customer"


def test_without_a_macro_braces_are_what_the_agent_wrote(world: World) -> None:
    assert opened(world, "Write {{ticket.id}}.").comments.get().text == "Write {{ticket.id}}."


def test_a_new_ticket_gets_what_the_macro_changes_and_the_form_does_not_show(world: World) -> None:
    actions = {
        "priority": "high", "type": "task", "set_tags": "one two", "current_tags": "three", "remove_tags": "two",
        "cc": "deniz@customer.test", "assignee_id": str(world.bruno.pk), "status": "solved",
    }  # fmt: skip
    macro = make_macro(actions=actions)
    ticket = opened(world, "Hello", macro=str(macro.pk), assignee=str(world.ada.pk))
    assert (ticket.priority, ticket.type, ticket.assignee, ticket.status) == ("high", "task", world.ada, "open")
    assert set(ticket.tags.values_list("name", flat=True)) == {"one", "three"}
    assert ticket.participants.filter(person=world.deniz, role="cc").exists()
