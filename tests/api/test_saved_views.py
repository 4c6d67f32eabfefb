"""Views through the API: made, changed, looked at as a table, counted."""

from __future__ import annotations

from typing import Any

import pytest
from tests.api.conftest import Call
from tests.world import World

from answerback.search.models import View
from answerback.search.views import COLUMNS

MINE: dict[str, Any] = {
    "title": "Mine",
    "all": [{"field": "status", "operator": "less_than", "value": "solved"}],
    "restriction": {"type": "User"},
}


def test_a_view_comes_changes_and_goes(call: Call, call_as_admin: Call, world: World) -> None:
    agent = str(world.ada.person.pk)
    asked = {"field": "assignee_id", "operator": "is", "value": agent}
    output = {"columns": ["subject", "tags"], "sort_by": "created", "sort_order": "asc", "group_by": "priority"}
    status, body = call("POST", "views", {"view": MINE | {"any": [asked], "output": output}})
    assert status == 201, body
    made = body["view"]
    assert made["conditions"] == {"all": MINE["all"], "any": [asked]}  # a user id, as it was sent
    assert View.objects.get(pk=made["id"]).conditions["any"][0]["value"] == str(world.ada.pk)
    assert [column["id"] for column in made["execution"]["columns"]] == ["subject", "tags"]
    assert (made["execution"]["sort_order"], made["execution"]["group_by"]) == ("asc", "priority")
    assert made["restriction"] == {"type": "User", "id": world.ada.person.pk}
    path = f"views/{made['id']}"
    _, body = call("PUT", path, {"view": {"title": "My own", "output": {"group_by": None}}})
    changed = {"title": "My own", "raw_title": "My own", "updated_at": body["view"]["updated_at"]}
    assert body["view"] == made | changed | {"execution": made["execution"] | {"group_by": None}}
    assert call_as_admin("GET", path)[0] == 404
    assert call("PUT", path, {"view": {"active": False}})[1]["view"]["active"] is False
    assert made["id"] not in {row["id"] for row in call("GET", "views/active")[1]["views"]}
    assert call("GET", path)[0] == 200
    assert call("DELETE", path) == (204, None)
    assert call("GET", path)[0] == 404


@pytest.mark.parametrize(
    "broken, place",
    [
        ({"title": " "}, "title"),
        ({"all": []}, "base"),
        ({"all": [{"field": "nothing", "value": ""}]}, "all.0"),
        ({"all": [{"field": "status", "operator": "smells", "value": "open"}]}, "all.0"),
        ({"all": [{"field": "status", "value": "asleep"}]}, "all.0"),
        ({"all": [{"field": "delivery", "operator": "is_not", "value": "lost"}]}, "all.0"),
        ({"all": [{"field": "updated", "operator": "within_hours", "value": "soon"}]}, "all.0"),
        ({"all": [{"field": "group_id", "value": "us"}]}, "all.0"),
        ({"all": [{"field": "subject", "value": ""}]}, "all.0"),
        ({"all": [{"field": "assignee_id", "value": 99_999}]}, "conditions"),
        ({"all": MINE["all"] * 21}, "all"),
        ({"output": {"columns": ["weather"]}}, "columns"),
        ({"output": {"sort_by": "weather"}}, "sort_by"),
        ({"output": {"group_by": "subject"}}, "group_by"),
    ],
)
def test_a_view_that_cannot_be(call: Call, broken: dict[str, Any], place: str) -> None:
    status, body = call("POST", "views", {"view": MINE | broken})
    assert (status, list(body["details"])) == (422, [place])


def test_shared_views_are_the_administrators_matter(call: Call, call_as_admin: Call, world: World) -> None:
    assert call("POST", "views", {"view": MINE | {"restriction": None}})[0] == 403
    restriction = {"type": "Group", "id": world.group.pk}
    status, body = call_as_admin("POST", "views", {"view": MINE | {"restriction": restriction}})
    assert (status, body["view"]["restriction"]) == (201, restriction)
    path = f"views/{body['view']['id']}"
    assert call("GET", path)[1]["view"]["restriction"] == restriction  # Ada is in the group
    assert call("PUT", path, {"view": {"title": "Mine"}})[0] == 403
    assert call("DELETE", path)[0] == 403


def test_a_view_of_the_system_is_only_switched(call_as_admin: Call) -> None:
    _, body = call_as_admin("GET", "views")
    path = f"views/{body['views'][0]['id']}"
    assert call_as_admin("PUT", path, {"view": {"active": False}})[1]["view"]["active"] is False
    assert call_as_admin("PUT", path, {"view": {"title": "Other"}})[0] == 422
    assert call_as_admin("DELETE", path)[0] == 422


def test_a_view_as_a_table(call: Call, world: World, django_assert_max_num_queries: Any) -> None:
    first, second = world.ticket("B"), world.ticket("A")
    world.answer(first)
    world.outcome(world.delivery_to(world.clara), "552 5.2.2 Mailbox full")
    columns = ["subject", "requester", "assignee", "failed_recipient", "cause", "tags"]
    output = {"columns": columns, "sort_by": "subject", "sort_order": "asc"}
    path = f"views/{call('POST', 'views', {'view': MINE | {'output': output}})[1]['view']['id']}/execute"
    with django_assert_max_num_queries(25):
        _, body = call("GET", path)
    assert [row["subject"] for row in body["rows"]] == ["A", "B"]
    assert [column["id"] for column in body["columns"]] == columns
    row = body["rows"][1]
    assert (row["ticket"]["id"], row["requester_id"]) == (first.pk, world.clara.pk)
    assert (row["failed_recipients"], row["causes"]) == (["clara@customer.test"], ["mailbox_full"])
    assert row["assignee_id"] == world.ada.person.pk
    assert {user["id"] for user in body["users"]} == {world.clara.pk, world.ada.person.pk}
    _, body = call("GET", path, sort_by="id", sort_order="desc", per_page="1")
    assert ([row["ticket"]["id"] for row in body["rows"]], body["count"]) == ([second.pk], 2)


def test_every_column_has_its_cell(call: Call, world: World) -> None:
    world.ticket()
    columns = list(COLUMNS)
    _, body = call("POST", "views", {"view": MINE | {"output": {"columns": columns}}})
    _, body = call("GET", f"views/{body['view']['id']}/execute")
    assert len(body["rows"][0]) == len(columns) + 1


def test_several_views_are_counted_at_once(call: Call, world: World) -> None:
    world.ticket()
    listed = call("GET", "views")[1]["views"]
    ids = {row["raw_title"]: str(row["id"]) for row in listed}
    asked = ",".join([ids["All unsolved tickets"], ids["Undelivered replies"], "99999"])
    _, body = call("GET", "views/count_many", ids=asked)
    assert {str(row["view_id"]): row["value"] for row in body["view_counts"]} == {
        ids["All unsolved tickets"]: 1,
        ids["Undelivered replies"]: 0,
    }
    assert call("GET", "views/count_many", ids=",".join(["1"] * 21))[0] == 400
