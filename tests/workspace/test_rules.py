"""Triggers and automations as admins see them: list, editor, what a rule matches, a try on one ticket."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from tests.world import World

from answerback.core import clock
from answerback.desk import change
from answerback.outbound.models import Message
from answerback.rules.models import Automation, Trigger
from answerback.tickets.changes import Changes
from answerback.tickets.models import Ticket

KINDS = ["triggers", "automations"]


@pytest.fixture
def admin(world: World, bruno: Client) -> Client:
    """Bruno, who reads English here."""
    world.bruno.person.language = "en"
    world.bruno.person.save()
    return bruno


def form(use: str = "trigger", **changes: Any) -> dict[str, Any]:
    """High priority: a tag, and a mail to the supervisors."""
    return {
        "use": use,
        "rule": "0",
        "title": "Urgent ones",
        "active": "1",
        "all_field": ["priority"],
        "all_operator": ["is"],
        "all_value": ["high"],
        "actions": ["a1", "a2"],
        "a1_field": "current_tags",
        "a1_value": "fast",
        "a2_field": "notification_user",
        "a2_value": "supervisors",
        "a2_subject_": "See {{ticket.title}}",
        "a2_body_": "Please look",
        "a2_body_de": "Bitte ansehen",
    } | changes


@pytest.mark.parametrize("kind", KINDS)
def test_pages_are_for_admins_and_in_both_languages(kind: str, world: World, ada: Client, bruno: Client) -> None:
    rule = (Trigger if kind == "triggers" else Automation).objects.first()
    assert rule
    for url in (f"/admin/{kind}", f"/admin/{kind}/new", f"/admin/{kind}/{rule.pk}"):
        assert ada.get(url).status_code in (302, 403)
        page = bruno.get(url)
        assert page.status_code == 200
        assert '<html lang="de"' in page.text


def test_every_shipped_rule_opens_and_is_saved_unchanged(world: World, admin: Client) -> None:
    for kind, model in (("triggers", Trigger), ("automations", Automation)):
        for rule in model.objects.all():
            page = admin.get(f"/admin/{kind}/{rule.pk}").text
            response = admin.post(f"/admin/{kind}/{rule.pk}", fields_of(page))
            assert response.status_code == 302, rule.title
            again = model.objects.get(pk=rule.pk)
            assert (again.title, again.conditions, again.active) == (rule.title, rule.conditions, rule.active)
            assert [row["field"] for row in again.actions] == [row["field"] for row in rule.actions]


def fields_of(page: str) -> dict[str, list[str]]:
    """What a browser would post of the editor's form."""
    found: dict[str, list[str]] = {}
    text = page[page.index('id="rule-form"') : page.index('class="row form-actions"')]
    pattern = r"<input([^>]*)>|<select([^>]*)>(.*?)</select>|<textarea([^>]*)>(.*?)</textarea>"
    for given, select, options, area, content in re.findall(pattern, text, re.S):
        tag = given or select or area
        name = re.search(r'name="([^"]*)"', tag)
        if not name or ('type="checkbox"' in tag and "checked" not in tag):
            continue
        value = re.search(r'value="([^"]*)"', given)
        if select:
            chosen = re.search(r'value="([^"]*)" selected', options) or re.search(r'value="([^"]*)"', options)
            found.setdefault(name[1], []).append(chosen[1] if chosen else "")
        else:
            found.setdefault(name[1], []).append(content if area else value[1] if value else "")
    return found


def test_a_rule_is_made_and_works(world: World, admin: Client) -> None:
    admin.post("/admin/triggers/new", form())
    rule = Trigger.objects.get(title="Urgent ones")
    assert rule.conditions == {"all": [{"field": "priority", "operator": "is", "value": "high"}], "any": []}
    texts = [{"": "See {{ticket.title}}"}, {"": "Please look", "de": "Bitte ansehen"}]
    assert rule.actions[1] == {"field": "notification_user", "value": ["supervisors", *texts]}
    assert [(row.act, row.by) for row in rule.revisions.all()] == [("created", world.bruno)]
    ticket = world.ticket()
    change.change(ticket.pk, Changes(priority="high"), world.ada)
    assert ticket.tags.filter(name="fast").exists()
    assert Message.objects.filter(trigger_id=rule.pk).count() == 1


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"title": " "}, "Give the rule a name."),
        ({"all_value": ["purple"]}, "Choose one."),
        ({"all_operator": ["resembles"]}, "This comparison does not fit."),
        ({"all_field": [], "all_operator": [], "all_value": []}, "Add at least one condition"),
        ({"actions": []}, "Add at least one action."),
        ({"a1_value": ""}, "Type something to look for."),
        ({"a2_body_": "", "a2_body_de": ""}, "A text is missing."),
        ({"a2_subject_": "{{ticket.shoe_size}}"}, "There is no placeholder {{ticket.shoe_size}}."),
        ({"a1_field": "cc", "a1_value": "nobody@nowhere.test"}, "Nobody with this address is known here."),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_lost(
    world: World, admin: Client, changes: dict[str, Any], said: str
) -> None:
    page = admin.post("/admin/triggers/new", form(**changes))
    assert page.status_code == 422
    assert said in page.text
    kept = [str(value) for name, value in form(**changes).items() if name in ("a2_value", "title", "a1_value")]
    assert not changes.get("actions", ["a1"]) or all(f'value="{value}"' in page.text for value in kept if value.strip())
    assert not Trigger.objects.filter(title="Urgent ones").exists()


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_rule_saved_in_haste_does_nothing(kind: str, world: World, admin: Client) -> None:
    posted = fields_of(admin.get(f"/admin/{kind}/new").text) | {"title": ["In haste"]}
    page = admin.post(f"/admin/{kind}/new", posted)
    assert page.status_code == 422
    assert "Add at least one action." in page.text


def hours(operator: str = "greater_than", action: str = "status", value: str = "solved") -> dict[str, Any]:
    changes = {"all_field": ["PENDING"], "all_operator": [operator], "all_value": ["48"], "actions": ["a1"]}
    return form("automation", **changes, a1_field=action, a1_value=value)


@pytest.mark.parametrize(
    "posted, said",
    [
        (form("automation"), "needs a condition on hours"),
        (hours(action="priority", value="high"), "would never come to an end"),
        (hours(value="pending"), "would never come to an end"),
        (hours(), ""),
        (hours("is", "priority", "high"), ""),
    ],
)
def test_an_automation_has_hours_and_an_end(world: World, admin: Client, posted: dict[str, Any], said: str) -> None:
    page = admin.post("/admin/automations/new", posted)
    assert (said in page.text) if said else page.status_code == 302


def test_persons_are_typed_by_address(world: World, admin: Client) -> None:
    changes = {"all_field": ["requester_id"], "all_value": ["clara@customer.test"]}
    admin.post("/admin/triggers/new", form(**changes))
    rule = Trigger.objects.get(title="Urgent ones")
    assert rule.conditions["all"][0]["value"] == str(world.clara.pk)
    assert "clara@customer.test" in admin.get(f"/admin/triggers/{rule.pk}").text


def test_what_it_matches(world: World, admin: Client) -> None:
    """As it was when it would have acted: the tickets have other priorities by now."""
    for priority in ("high", "low", "high"):
        ticket = world.ticket()
        change.change(ticket.pk, Changes(priority=priority), world.ada)
        change.change(ticket.pk, Changes(priority="normal"), world.ada)
    page = admin.post("/admin/rules/estimate", form()).text
    assert "Matches 2 of the last 3 tickets" in page
    with clock.at(clock.now() + timedelta(hours=50)):
        Ticket.objects.filter(pk=ticket.pk).update(status="pending")
        assert "Would act now on 1 of the last 3 tickets" in admin.post("/admin/rules/estimate", hours()).text


def test_what_it_matches_costs_the_same_for_many_tickets(world: World, admin: Client) -> None:
    counts = []
    for _ in range(2):
        for _number in range(4):
            change.change(world.ticket().pk, Changes(priority="high"), world.ada)
        with CaptureQueriesContext(connection) as queries:
            admin.post("/admin/rules/estimate", form(all_field=["replies"], all_operator=["is"], all_value=["0"]))
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_a_try_tells_and_does_nothing(world: World, admin: Client) -> None:
    ticket = world.ticket()
    change.change(ticket.pk, Changes(priority="high"), world.ada)
    page = admin.post("/admin/rules/try", form(ticket=str(ticket.pk))).text
    assert f"It applies to ticket #{ticket.pk}" in page
    assert "Tags: – → fast" in page
    assert "Bruno Lead &lt;bruno@acme.test&gt;" in page
    assert "See Printer on fire" in page
    assert not ticket.tags.exists()
    assert not Message.objects.exists()
    other = admin.post("/admin/rules/try", form(ticket=str(ticket.pk), all_value=["low"])).text
    assert f"It does not apply to ticket #{ticket.pk}" in other
    assert "There is no ticket" in admin.post("/admin/rules/try", form(ticket="4711")).text


def test_a_try_of_an_automation(world: World, admin: Client) -> None:
    with clock.at(clock.now() - timedelta(hours=50)):
        ticket = world.ticket()
        change.change(ticket.pk, Changes(status="pending"), world.ada)
    page = admin.post("/admin/rules/try", hours() | {"ticket": str(ticket.pk)}).text
    assert "Status: Pending → Solved" in page
    assert not Automation.objects.filter(title="Urgent ones").exists()
    ticket.refresh_from_db()
    assert ticket.status == "pending"


def test_order_is_changed_by_buttons(world: World, admin: Client) -> None:
    before = list(Trigger.objects.values_list("pk", flat=True))
    admin.post(f"/admin/triggers/{before[2]}/act", {"act": "up"})
    admin.post(f"/admin/triggers/{before[0]}/act", {"act": "down"})
    after = list(Trigger.objects.values_list("pk", flat=True))
    assert after == [before[2], before[0], *before[1:2], *before[3:]]


def test_on_and_off_copies_and_undoing(world: World, admin: Client) -> None:
    rule = Trigger.objects.get(key="comment_update")
    url = f"/admin/triggers/{rule.pk}/act"
    admin.post(url, {"act": "off"})
    admin.post(url, {"act": "clone"})
    copy = Trigger.objects.latest("id")
    assert (copy.active, copy.key, copy.actions) == (False, "", rule.actions)
    admin.post(url, {"act": "on"})
    admin.post(url, {"act": "delete"})
    world.answer(world.ticket())
    assert not Message.objects.filter(kind="answer").exists()
    assert "Bring back" in admin.get("/admin/triggers").text
    admin.post(url, {"act": "bring_back"})
    world.answer(world.ticket())
    assert Message.objects.filter(kind="answer").exists()
    acts = list(rule.revisions.order_by("id").values_list("act", flat=True))
    assert acts == ["switched_off", "switched_on", "deleted", "brought_back"]


def test_a_shipped_rule_goes_back_to_what_was_shipped(world: World, admin: Client) -> None:
    rule = Trigger.objects.get(key="received_request")
    actions = rule.actions
    assert "Back to what was shipped" not in admin.get(f"/admin/triggers/{rule.pk}").text
    admin.post(f"/admin/triggers/{rule.pk}", form(title="Ours"))
    assert "Back to what was shipped" in admin.get(f"/admin/triggers/{rule.pk}").text
    admin.post(f"/admin/triggers/{rule.pk}/act", {"act": "restore"})
    rule.refresh_from_db()
    assert (rule.title, rule.actions) == ("Notify requester and CCs of received request", actions)


def test_a_rule_goes_back_to_an_earlier_version(world: World, admin: Client) -> None:
    admin.post("/admin/triggers/new", form())
    rule = Trigger.objects.get(title="Urgent ones")
    admin.post(f"/admin/triggers/{rule.pk}", form(title="Slow ones", all_value=["low"]))
    first, second = rule.revisions.order_by("id")
    page = admin.get(f"/admin/triggers/{rule.pk}").text
    assert "Priority is High" in page  # what the first version held
    assert page.count("Back to this version") == 1  # the second is how it is now
    url = f"/admin/triggers/{rule.pk}/act"
    admin.post(url, {"act": "go_back", "revision": first.pk})
    rule.refresh_from_db()
    assert (rule.title, rule.conditions, rule.active) == ("Urgent ones", first.conditions, True)
    assert rule.revisions.latest("id").act == "went_back"
    other = Trigger.objects.get(key="received_request")
    assert admin.post(f"/admin/triggers/{other.pk}/act", {"act": "go_back", "revision": second.pk}).status_code == 404


def test_a_rule_is_dropped_at_another_place(world: World, admin: Client) -> None:
    before = list(Trigger.objects.values_list("pk", flat=True))
    admin.post(f"/admin/triggers/{before[4]}/act", {"act": "place", "place": "1"})
    after = list(Trigger.objects.values_list("pk", flat=True))
    assert after == [before[0], before[4], *before[1:4], *before[5:]]
    shown = re.findall(r'id="rule-(\d+)"', admin.get("/admin/triggers").text)
    assert shown == [str(pk) for pk in after]


def test_the_list_tells_how_often_a_rule_acted_and_is_searched(world: World, admin: Client) -> None:
    world.answer(world.ticket())
    page = admin.get("/admin/triggers", {"q": "comment update requester"}).text
    assert "Notify requester and CCs of comment update" in page
    assert "Acted 1 times in 7 days" in page
    assert "Auto-assign" not in page


def test_the_list_costs_the_same_for_many_rules(world: World, admin: Client) -> None:
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            admin.get("/admin/triggers")
        counts.append(len(queries))
        for number in range(5):
            admin.post("/admin/triggers/new", form(title=f"Number {number}"))
    assert counts[0] == counts[1]


def test_events_lead_to_the_rule(world: World, admin: Client) -> None:
    ticket = world.ticket()
    world.answer(ticket)
    rule = Trigger.objects.get(key="comment_update")
    assert f'href="/admin/triggers/{rule.pk}"' in admin.get(f"/tickets/{ticket.pk}?events").text


def test_rows_come_from_the_server(world: World, admin: Client) -> None:
    row = admin.get("/admin/rules/condition", {"use": "trigger", "block": "any", "any_field": "delivery_cause"}).text
    assert 'name="any_value"' in row
    assert 'value="mailbox_full"' in row
    assert "delivery_cause" not in admin.get("/admin/rules/condition", {"use": "automation", "block": "all"}).text
    mail = admin.get("/admin/rules/action", {"use": "trigger", "a1_field": "notification_user"}).text
    assert "<textarea" in mail
