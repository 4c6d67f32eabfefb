"""Addresses of users through the API, with Zendesk's keys and ours."""

from __future__ import annotations

from typing import Any

from tests.api.conftest import Call
from tests.world import World

from answerback.core import clock
from answerback.people import identities
from answerback.people.models import Identity


def suppressed(world: World) -> Identity:
    """Clara's address, after a refusal for good."""
    ticket = world.ticket()
    world.answer(ticket)
    world.outcome(world.delivery_to(world.clara), "550 5.1.1 User unknown")
    return world.clara.identities.get()


def test_a_further_address_becomes_primary(call: Call, world: World) -> None:
    path = f"users/{world.clara.pk}/identities"
    status, body = call("POST", path, {"identity": {"type": "email", "value": "clara@new.test", "verified": True}})
    assert status == 201
    new = body["identity"]
    assert (new["value"], new["primary"], new["verified"], new["deliverable_state"]) == (
        "clara@new.test", False, True, "deliverable",
    )  # fmt: skip
    _, body = call("PUT", f"{path}/{new['id']}/make_primary")
    assert {row["value"]: row["primary"] for row in body["identities"]} == {
        "clara@new.test": True,
        "clara@customer.test": False,
    }
    assert call("GET", f"users/{world.clara.pk}")[1]["user"]["email"] == "clara@new.test"
    assert call("DELETE", f"{path}/{new['id']}")[0] == 422
    old = world.clara.identities.get(primary=False)
    assert call("DELETE", f"{path}/{old.pk}.json") == (204, None)
    assert call("GET", f"{path}/{old.pk}")[0] == 404


def test_what_is_known_of_an_address(call: Call, world: World) -> None:
    identity = suppressed(world)
    _, body = call("GET", f"users/{world.clara.pk}/identities/{identity.pk}.json")
    shown = body["identity"]
    assert (shown["deliverable_state"], shown["undeliverable_count"]) == ("undeliverable", 0)
    assert (shown["answerback"]["state"], shown["answerback"]["cause"]) == ("suppressed", "address_unknown")
    assert shown["answerback"]["code"] == "550 5.1.1"
    assert shown["answerback"]["until"]


def test_soft_failures_are_counted(call: Call, world: World) -> None:
    clara = world.clara.identities.get()
    identities.record_failure(
        clara.pk, 1, clock.now(), cause="mailbox_full", permanent=False, smtp_code=452, enhanced_code=""
    )
    _, body = call("GET", f"users/{world.clara.pk}/identities")
    assert body["identities"][0]["undeliverable_count"] == 1


def test_an_address_works_again(call: Call, world: World) -> None:
    path = f"users/{world.clara.pk}/identities/{suppressed(world).pk}"
    status, body = call("PUT", path, {"identity": {"deliverable_state": "deliverable", "reason": "she called"}})
    assert (status, body["identity"]["deliverable_state"]) == (200, "deliverable")
    assert world.clara.identities.get().ledger.latest("id").note == "she called"
    assert call("PUT", path, {"identity": {"deliverable_state": "machine"}})[0] == 422


def test_after_a_complaint_a_reason_is_needed(call: Call, world: World) -> None:
    identity = suppressed(world)
    identities.record_complaint(identity.pk, 99, clock.now())
    path = f"users/{world.clara.pk}/identities/{identity.pk}"
    assert call("GET", path)[1]["identity"]["answerback"]["complained"] is True
    status, body = call("PUT", path, {"identity": {"deliverable_state": "deliverable"}})
    assert (status, list(body["details"])) == (422, ["reason"])
    _, body = call("PUT", path, {"identity": {"deliverable_state": "deliverable", "reason": "a mistake, she says"}})
    assert body["identity"]["answerback"]["complained"] is False


def test_correcting_forgets_the_old_address(call: Call, world: World) -> None:
    path = f"users/{world.clara.pk}/identities/{suppressed(world).pk}"
    status, body = call("PUT", path, {"identity": {"value": "clara@customer.example"}})
    assert (status, body["identity"]["value"], body["identity"]["answerback"]["state"]) == (
        200, "clara@customer.example", "unknown",
    )  # fmt: skip
    assert call("PUT", path, {"identity": {"value": "deniz@customer.test"}})[0] == 422
    assert call("PUT", path, {"identity": {"value": "no address"}})[0] == 422


def test_verify(call: Call, world: World) -> None:
    path = f"users/{world.clara.pk}/identities/{world.clara.identities.get().pk}"
    assert call("PUT", f"{path}/verify")[1]["identity"]["verified"] is True


def test_of_somebody_else(call: Call, world: World) -> None:
    deniz = world.deniz.identities.get()
    assert call("GET", f"users/{world.clara.pk}/identities/{deniz.pk}")[0] == 404
    assert call("GET", "users/99999/identities")[0] == 404


def test_lists_cost_the_same_for_many(call: Call, world: World, django_assert_max_num_queries: Any) -> None:
    for number in range(12):
        identity = identities.add(world.clara, f"c{number}@many.test", None)
        identities.record_complaint(identity.pk, number, clock.now())
    with django_assert_max_num_queries(7):
        _, body = call("GET", f"users/{world.clara.pk}/identities")
    assert len(body["identities"]) == 13
