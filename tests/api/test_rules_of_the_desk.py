"""Triggers, automations, macros and webhooks through the API, and merging of people."""

from __future__ import annotations

from typing import Any

import pytest
from tests.api.conftest import Call
from tests.world import World

from answerback.people.models import Identity
from answerback.rules.models import Macro, Trigger, Webhook

TRIGGER: dict[str, Any] = {
    "title": "Bounced answers go to Ada",
    "all": [{"field": "delivery", "operator": "is", "value": "failed"}],
    "actions": [{"field": "priority", "value": "urgent"}],
}
AUTOMATION: dict[str, Any] = {
    "title": "Close what is solved",
    "all": [{"field": "SOLVED", "operator": "greater_than", "value": 96}],
    "actions": [{"field": "status", "value": "closed"}],
}
WEBHOOK: dict[str, Any] = {
    "name": "Billing",
    "endpoint": "https://billing.example.com/answerback",
    "subscriptions": ["delivery.failed"],
    "custom_headers": {"X-Team": "billing"},
    "authentication": {"type": "bearer_token", "data": {"token": "s3cret"}},
}


def test_a_trigger_comes_changes_and_goes(call_as_admin: Call, world: World) -> None:
    agent = str(world.ada.person.pk)
    sent = TRIGGER | {"actions": [*TRIGGER["actions"], {"field": "assignee_id", "value": agent}]}
    status, body = call_as_admin("POST", "triggers", {"trigger": sent})
    assert status == 201, body
    made = body["trigger"]
    assert made["conditions"] == {"all": TRIGGER["all"], "any": []}
    assert made["actions"][1] == {"field": "assignee_id", "value": agent}  # a user id, as it was sent
    assert Trigger.objects.get(pk=made["id"]).actions[1]["value"] == str(world.ada.pk)
    path = f"triggers/{made['id']}"
    assert call_as_admin("PUT", path, {"trigger": {"active": False}})[1]["trigger"]["title"] == TRIGGER["title"]
    assert made["id"] not in {row["id"] for row in call_as_admin("GET", "triggers/active")[1]["triggers"]}
    _, body = call_as_admin("PUT", "triggers/reorder", {"trigger_ids": [made["id"]]})
    assert body["triggers"][0]["id"] == made["id"]
    assert call_as_admin("DELETE", path) == (204, None)
    assert call_as_admin("GET", path)[0] == 404


@pytest.mark.parametrize(
    "broken, place",
    [
        ({"title": " "}, "base"),
        ({"all": []}, "base"),
        ({"actions": []}, "base"),
        ({"all": [{"field": "nothing", "operator": "is", "value": ""}]}, "all.0"),
        ({"actions": [{"field": "priority", "value": "enormous"}]}, "actions.0"),
    ],
)
def test_a_trigger_that_cannot_be(call_as_admin: Call, broken: dict[str, Any], place: str) -> None:
    before = Trigger.objects.count()
    status, body = call_as_admin("POST", "triggers", {"trigger": TRIGGER | broken})
    assert (status, list(body["details"])) == (422, [place])
    assert Trigger.objects.count() == before


def test_an_automation(call_as_admin: Call) -> None:
    status, body = call_as_admin("POST", "automations", {"automation": AUTOMATION})
    assert status == 201, body
    path = f"automations/{body['automation']['id']}"
    assert call_as_admin("GET", path)[1]["automation"]["conditions"]["all"][0]["value"] == "96"
    assert call_as_admin("PUT", path, {"automation": {"title": "Later"}})[1]["automation"]["title"] == "Later"
    assert call_as_admin("DELETE", path)[0] == 204
    endless = AUTOMATION | {"actions": [{"field": "priority", "value": "low"}]}
    assert call_as_admin("POST", "automations", {"automation": endless})[0] == 422


def test_definitions(call: Call) -> None:
    _, body = call("GET", "triggers/definitions")
    assert "delivery" in {row["subject"] for row in body["definitions"]["conditions_all"]}
    assert "priority" in {row["subject"] for row in body["definitions"]["actions"]}


def test_agents_read_rules_and_change_none(call: Call) -> None:
    _, body = call("GET", "triggers")
    assert body["count"] > 5
    path = f"triggers/{body['triggers'][0]['id']}"
    assert call("GET", path)[0] == 200
    assert call("PUT", path, {"trigger": {"active": False}})[0] == 403
    assert call("DELETE", path)[0] == 403
    assert call("POST", "triggers", {"trigger": TRIGGER})[0] == 403
    assert call("POST", "automations", {"automation": AUTOMATION})[0] == 403
    assert call("GET", "automations")[0] == 200
    assert call("GET", "automations/active")[0] == 200


def test_a_macro_of_ones_own(call: Call, call_as_admin: Call, world: World) -> None:
    macro = {
        "title": "On the phone",
        "restriction": {"type": "User"},
        "actions": [
            {"field": "comment_value", "value": "Hello {{ticket.requester.name}}"},
            {"field": "status", "value": "solved"},
        ],
    }
    status, body = call("POST", "macros", {"macro": macro})
    assert status == 201, body
    made = body["macro"]
    assert made["restriction"] == {"type": "User", "id": world.ada.person.pk}
    ticket = world.ticket()
    _, body = call("GET", f"tickets/{ticket.pk}/macros/{made['id']}/apply.json")
    assert body["result"]["ticket"] == {
        "id": ticket.pk,
        "status": "solved",
        "comment": {"body": "Hello Clara Customer", "public": True},
    }
    assert ticket.comments.count() == 1
    path = f"macros/{made['id']}"
    assert call_as_admin("GET", path)[0] == 404
    assert call("PUT", path, {"macro": {"title": "By phone"}})[1]["macro"]["actions"] == made["actions"]
    assert call("DELETE", path)[0] == 204
    assert call("POST", "macros", {"macro": macro | {"restriction": None}})[0] == 403
    macro["restriction"] = {"type": "Group", "id": world.group.pk}
    shared = call_as_admin("POST", "macros", {"macro": macro})
    assert shared[1]["macro"]["restriction"] == {"type": "Group", "id": world.group.pk}
    assert call("PUT", f"macros/{shared[1]['macro']['id']}", {"macro": {"title": "Mine"}})[0] == 403
    wrong = {"title": "Wrong", "restriction": {"type": "User"}, "actions": [{"field": "x", "value": "y"}]}
    assert call("POST", "macros", {"macro": wrong})[0] == 422


def test_a_macro_names_agents_by_their_user_ids(call: Call, world: World) -> None:
    agent = str(world.bruno.person.pk)
    actions = [{"field": "assignee_id", "value": agent}, {"field": "group_id", "value": str(world.group.pk)}]
    macro = {"title": "To Bruno", "restriction": {"type": "User"}, "actions": actions}
    _, body = call("POST", "macros", {"macro": macro})
    made = body["macro"]
    assert made["actions"] == actions
    assert Macro.objects.get(pk=made["id"]).actions[0]["value"] == str(world.bruno.pk)
    assert call("PUT", f"macros/{made['id']}", {"macro": {"title": "Bruno"}})[1]["macro"]["actions"] == actions
    ticket = world.ticket()
    applied = call("GET", f"tickets/{ticket.pk}/macros/{made['id']}/apply")[1]["result"]["ticket"]
    assert applied == {"id": ticket.pk, "assignee_id": world.bruno.person.pk, "group_id": world.group.pk}
    wrong = macro | {"actions": [{"field": "assignee_id", "value": str(world.clara.pk)}]}
    assert call("POST", "macros", {"macro": wrong})[0] == 422


def test_a_customer_is_no_agent_of_a_rule(call_as_admin: Call, world: World) -> None:
    """Also where their user id is some agent's account id."""
    sent = TRIGGER | {"actions": [{"field": "assignee_id", "value": world.clara.pk}]}
    status, body = call_as_admin("POST", "triggers", {"trigger": sent})
    assert (status, list(body["details"])) == (422, ["actions.0"])


def test_macro_lists_cost_the_same_for_many(call: Call, world: World, django_assert_max_num_queries: Any) -> None:
    for number in range(12):
        call("POST", "macros", {"macro": {"title": f"m{number}", "restriction": {"type": "User"}, "actions": _SOLVE}})
    with django_assert_max_num_queries(7):
        _, body = call("GET", "macros/active")
    assert Macro.objects.count() == body["count"]


_SOLVE = [{"field": "status", "value": "solved"}]


def test_a_webhook_tells_its_secret_once(call_as_admin: Call) -> None:
    status, body = call_as_admin("POST", "webhooks", {"webhook": WEBHOOK})
    assert status == 201, body
    made = body["webhook"]
    assert made["signing_secret"]["secret"] == Webhook.objects.get().secret
    assert (made["status"], made["custom_headers"]) == ("active", {"X-Team": "billing"})
    path = f"webhooks/{made['id']}"
    assert call_as_admin("PUT", path, {"webhook": {"status": "inactive"}}) == (204, None)
    shown = call_as_admin("GET", path)[1]["webhook"]
    assert (shown["status"], shown["name"], shown["authentication"]["type"]) == ("inactive", "Billing", "bearer_token")
    assert "s3cret" not in str(shown)
    assert Webhook.objects.get().password == "s3cret"
    _, body = call_as_admin("POST", f"{path}/signing_secret")
    assert body["signing_secret"]["secret"] == Webhook.objects.get().secret != made["signing_secret"]["secret"]
    assert call_as_admin("POST", f"{path}/test")[1]["invocation"]["event"] == "test"
    _, log = call_as_admin("GET", f"{path}/invocations")
    assert [call["status"] for call in log["invocations"]] == ["waiting"]
    assert call_as_admin("DELETE", path)[0] == 204


@pytest.mark.parametrize(
    "broken, field",
    [
        ({"name": ""}, "name"),
        ({"endpoint": "ftp://x"}, "endpoint"),
        ({"subscriptions": ["everything"]}, "subscriptions"),
        ({"authentication": {"type": "magic"}}, "authentication"),
        ({"authentication": {"type": "basic_auth"}}, "password"),
        ({"custom_headers": {"Host": "x"}}, "headers"),
    ],
)
def test_a_webhook_that_cannot_be(call_as_admin: Call, broken: dict[str, Any], field: str) -> None:
    status, body = call_as_admin("POST", "webhooks", {"webhook": WEBHOOK | broken})
    assert (status, list(body["details"])) == (422, [field])
    assert not Webhook.objects.exists()


def test_webhooks_are_for_administrators(call: Call) -> None:
    assert call("GET", "webhooks")[0] == 403
    assert call("POST", "webhooks", {"webhook": WEBHOOK})[0] == 403


def test_two_people_become_one(call: Call, world: World) -> None:
    status, body = call("PUT", f"users/{world.outsider.pk}/merge", {"user": {"id": world.clara.pk}})
    assert (status, body["user"]["id"]) == (200, world.clara.pk)
    assert Identity.objects.get(normal="eve@elsewhere.test").person == world.clara
    assert call("PUT", f"users/{world.clara.pk}/merge", {"user": {"id": world.clara.pk}})[0] == 422
    assert call("PUT", f"users/{world.clara.pk}/merge", {"user": {"id": world.bruno.person.pk}})[0] == 403
