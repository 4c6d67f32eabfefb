"""Users through the API: found, made, changed, and what a role may do."""

from __future__ import annotations

from typing import Any

import pytest
from tests.api.conftest import Call
from tests.world import World

from answerback.people import identities
from answerback.people.models import Account, Person
from answerback.workers import work_jobs


def names(body: Any) -> list[str]:
    return [user["name"] for user in body["users"]]


def test_everybody_page_by_page(call: Call, world: World) -> None:
    _, body = call("GET", "users.json", **{"page[size]": "2"})
    assert len(body["users"]) == 2
    assert body["meta"]["has_more"] is True
    _, agents = call("GET", "users", role="agent")
    assert names(agents) == ["Ada Agent"]
    _, both = call("GET", "users?role[]=agent&role[]=admin")
    assert names(both) == ["Ada Agent", "Bruno Lead"]
    assert call("GET", "users", role="king")[0] == 400


def test_show_many(call: Call, world: World) -> None:
    _, body = call("GET", "users/show_many", ids=f"{world.clara.pk},{world.deniz.pk}")
    assert names(body) == ["Clara Customer", "Deniz Demir"]
    assert call("GET", "users/show_many", ids="1;drop")[0] == 400


@pytest.mark.parametrize(
    "text, found",
    [
        ("clara", ["Clara Customer"]),
        ("customer.test", ["Clara Customer", "Deniz Demir"]),
        ("email:deniz@customer.test", ["Deniz Demir"]),
        ("role:admin", ["Bruno Lead"]),
        ("type:user name:eve", ["Eve Else"]),
        ("nobody", []),
    ],
)
def test_search(call: Call, text: str, found: list[str]) -> None:
    assert names(call("GET", "users/search", query=text)[1]) == found


def test_autocomplete(call: Call) -> None:
    assert names(call("GET", "users/autocomplete", name="de")[1]) == ["Deniz Demir"]
    assert names(call("GET", "users/autocomplete", name="")[1]) == []


def test_make_change_and_delete_a_customer(call: Call) -> None:
    new = {"name": "Nora Neu", "email": "Nora@new.test", "phone": "123", "locale": "de-DE"}
    status, body = call("POST", "users", {"user": new | {"identities": [{"value": "nn@new.test"}]}})
    assert status == 201
    user = body["user"]
    assert (user["name"], user["email"], user["role"], user["locale"]) == (
        "Nora Neu",
        "Nora@new.test",
        "end-user",
        "de",
    )
    _, changed = call("PUT", f"users/{user['id']}", {"user": {"phone": None, "email": "third@new.test"}})
    assert (changed["user"]["phone"], changed["user"]["name"]) == (None, "Nora Neu")
    assert changed["user"]["email"] == "Nora@new.test"
    assert Person.objects.get(pk=user["id"]).identities.count() == 3
    assert call("DELETE", f"users/{user['id']}")[0] == 200
    assert not Person.objects.filter(pk=user["id"]).exists()


def test_create_or_update(call: Call, world: World) -> None:
    status, body = call("POST", "users/create_or_update", {"user": {"email": "CLARA@customer.test", "phone": "7"}})
    assert (status, body["user"]["id"], body["user"]["phone"]) == (200, world.clara.pk, "7")
    assert call("POST", "users/create_or_update.json", {"user": {"email": "new@x.test"}})[0] == 201


@pytest.mark.parametrize(
    "broken, field",
    [
        ({"name": "Nobody"}, "email"),
        ({"email": "no address"}, "email"),
        ({"email": "clara@customer.test"}, "email"),
        ({"email": "x@x.test", "role": "king"}, "role"),
    ],
)
def test_bad_input_makes_nobody(call: Call, broken: dict[str, Any], field: str) -> None:
    before = Person.objects.count()
    status, body = call("POST", "users", {"user": broken})
    assert (status, list(body["details"])) == (422, [field])
    assert Person.objects.count() == before


def test_who_is_on_a_ticket_stays(call: Call, world: World) -> None:
    world.ticket()
    assert call("DELETE", f"users/{world.clara.pk}")[0] == 422
    assert Person.objects.filter(pk=world.clara.pk).exists()


def test_agents_do_not_change_their_colleagues(call: Call, world: World) -> None:
    bruno = f"users/{world.bruno.person.pk}"
    assert call("PUT", bruno, {"user": {"name": "Mallory"}})[0] == 403
    assert call("DELETE", bruno)[0] == 403
    assert call("POST", "users", {"user": {"email": "x@acme.test", "role": "admin"}})[0] == 403
    assert call("PUT", f"users/{world.ada.person.pk}", {"user": {"role": "admin"}})[0] == 403
    assert call("PUT", f"users/{world.clara.pk}", {"user": {"role": "agent"}})[0] == 403
    assert call("POST", f"{bruno}/identities", {"identity": {"value": "evil@x.test"}})[0] == 403
    assert call("PUT", f"users/{world.ada.person.pk}", {"user": {"signature": "Ada"}})[0] == 200


def test_administrators_make_and_deactivate_agents(call_as_admin: Call, world: World) -> None:
    status, body = call_as_admin(
        "POST",
        "users",
        {"user": {"name": "Nele", "email": "nele@acme.test", "role": "agent", "default_group_id": world.group.pk}},
    )
    assert (status, body["user"]["role"], body["user"]["default_group_id"]) == (201, "agent", world.group.pk)
    nele = f"users/{body['user']['id']}"
    assert call_as_admin("PUT", nele, {"user": {"role": "admin"}})[1]["user"]["role"] == "admin"
    assert call_as_admin("DELETE", nele)[1]["user"]["active"] is False
    assert call_as_admin("PUT", nele, {"user": {"active": True, "role": "agent"}})[1]["user"]["active"] is True
    assert call_as_admin("PUT", nele, {"user": {"role": "end-user"}})[0] == 422
    assert not Account.objects.get(email="nele@acme.test").has_usable_password()


def test_the_last_administrator_stays(call_as_admin: Call, world: World) -> None:
    assert call_as_admin("DELETE", f"users/{world.bruno.person.pk}")[0] == 422
    assert call_as_admin("PUT", f"users/{world.bruno.person.pk}", {"user": {"role": "agent"}})[0] == 422


def test_lists_cost_the_same_for_many(call: Call, world: World, django_assert_max_num_queries: Any) -> None:
    for number in range(12):
        identities.find_or_create(f"p{number}@many.test", "P")
    with django_assert_max_num_queries(7):
        call("GET", "users")


def test_erasing_a_customer_is_a_job_of_an_administrator(call: Call, call_as_admin: Call, world: World) -> None:
    world.ticket()
    assert call("DELETE", f"deleted_users/{world.clara.pk}")[0] == 403
    status, body = call_as_admin("DELETE", f"deleted_users/{world.clara.pk}.json")
    assert (status, body["deleted_user"]["id"], body["deleted_user"]["active"]) == (200, world.clara.pk, False)
    assert body["job_status"]["status"] == "queued"
    assert call_as_admin("DELETE", f"deleted_users/{world.clara.pk}")[0] == 422, "it is under way"
    work_jobs.once()
    _, told = call("GET", f"job_statuses/{body['job_status']['id']}")
    assert told["job_status"]["status"] == "completed"
    assert call("GET", f"users/{world.clara.pk}")[0] == 404
    assert call_as_admin("DELETE", f"deleted_users/{world.ada.person.pk}")[0] == 422
