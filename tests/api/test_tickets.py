"""Tickets through the API: made, changed, answered, listed, in Zendesk's shapes."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from tests.api.conftest import Call
from tests.world import World

from answerback.outbound.models import Delivery
from answerback.people import identities, tokens
from answerback.tickets.models import Ticket

NEW: dict[str, Any] = {
    "ticket": {
        "subject": "Order 7",
        "comment": {"body": "It left today."},
        "requester": {"name": "Rita Ok", "email": "rita@ok.test"},
        "email_ccs": [{"user_email": "carl@ok.test", "action": "put"}],
        "tags": ["Order", "urgent mail"],
    }
}


def test_create_mails_requester_and_ccs(call: Call) -> None:
    status, body = call("POST", "tickets.json", NEW)
    assert status == 201
    assert body["ticket"]["subject"] == "Order 7"
    assert body["ticket"]["tags"] == ["mail", "order", "urgent"]
    assert [event["type"] for event in body["audit"]["events"]].count("Comment") == 1
    assert set(Delivery.objects.values_list("recipient", flat=True)) == {"rita@ok.test", "carl@ok.test"}


@pytest.mark.parametrize(
    "broken, field",
    [
        ({"subject": "x"}, "base"),
        ({"comment": {"body": "x"}, "requester": {"email": "not an address"}}, "requester"),
        ({"comment": {"body": "x"}, "requester": {"email": "eve@[localhost]"}}, "requester"),
        ({"comment": {"body": "x"}, "status": "asleep"}, "status"),
        ({"comment": {"body": "x"}, "recipient": "else@where.test"}, "recipient"),
        ({"comment": {"body": "x"}, "assignee_email": "nobody@acme.test"}, "assignee"),
        ({"comment": {"body": "x"}, "tags": "x"}, "body.ticket.tags"),
    ],
)
def test_bad_input_names_the_field(call: Call, broken: dict[str, Any], field: str) -> None:
    status, body = call("POST", "tickets", {"ticket": broken})
    assert status == 422
    assert body["error"] == "RecordInvalid"
    assert field in body["details"]
    assert not Ticket.objects.exists()


def test_update_with_comment(call: Call, world: World) -> None:
    ticket = world.ticket()
    status, body = call(
        "PUT", f"tickets/{ticket.pk}.json", {"ticket": {"comment": {"body": "Done."}, "status": "solved"}}
    )
    assert status == 200
    assert body["ticket"]["status"] == "solved"
    assert body["ticket"]["assignee_id"] == world.ada.person.pk
    assert Delivery.objects.get().recipient == "clara@customer.test"


def test_comments_and_audits(call: Call, world: World) -> None:
    ticket = world.ticket()
    world.answer(ticket)
    _, comments = call("GET", f"tickets/{ticket.pk}/comments")
    assert [row["body"] for row in comments["comments"]] == ["It burns. Please help.", "Use the blue bucket."]
    _, audits = call("GET", f"tickets/{ticket.pk}/audits")
    notification = next(e for a in audits["audits"] for e in a["events"] if e["type"] == "Notification")
    assert notification["via"]["source"]["from"]["title"] == "Notify requester and CCs of comment update"


def test_cursor_paging(call: Call, world: World) -> None:
    ids = [world.ticket(f"t{number}").pk for number in range(5)]
    _, first = call("GET", "tickets", **{"page[size]": "2"})
    assert [row["id"] for row in first["tickets"]] == ids[:2]
    assert first["meta"]["has_more"] is True
    _, second = call("GET", "tickets", **{"page[size]": "2", "page[after]": first["meta"]["after_cursor"]})
    assert [row["id"] for row in second["tickets"]] == ids[2:4]
    _, last = call("GET", "tickets", **{"page[size]": "2", "page[after]": second["meta"]["after_cursor"]})
    assert last["links"]["next"] is None
    _, back = call("GET", "tickets", **{"page[size]": "2", "page[before]": second["meta"]["before_cursor"]})
    assert [row["id"] for row in back["tickets"]] == ids[:2]


def test_lists_cost_the_same_for_many(call: Call, world: World, django_assert_max_num_queries: Any) -> None:
    for number in range(12):
        world.ticket(f"t{number}", ccs=[world.deniz])
    with django_assert_max_num_queries(8):
        call("GET", "tickets")


def test_missing_ticket(call: Call) -> None:
    assert call("GET", "tickets/99") == (404, {"error": "RecordNotFound", "description": "Not found"})


def test_closed_ticket_stays(call: Call, world: World) -> None:
    ticket = world.ticket()
    Ticket.objects.filter(pk=ticket.pk).update(status="closed")
    status, _ = call("PUT", f"tickets/{ticket.pk}", {"ticket": {"comment": {"body": "more"}}})
    assert status == 422


def test_what_is_refused_leaves_nobody_behind(call: Call, world: World) -> None:
    ticket = world.ticket()
    Ticket.objects.filter(pk=ticket.pk).update(status="closed")
    newcomer = {"email_ccs": [{"user_email": "rita@ok.test"}], "requester": {"email": "rudi@ok.test"}}
    assert call("PUT", f"tickets/{ticket.pk}", {"ticket": newcomer | {"comment": {"body": "more"}}})[0] == 422
    assert call("POST", "tickets", {"ticket": newcomer | {"comment": {"body": "x"}, "group_id": 99}})[0] == 404
    assert (identities.find("rita@ok.test"), identities.find("rudi@ok.test")) == (None, None)


@pytest.mark.parametrize("header", ["", "Bearer wrong", "Basic ????", "Basic YWRhOm5v", "Digest x"])
def test_strangers_see_nothing(client: Client, world: World, header: str) -> None:
    assert client.get("/api/v2/tickets", headers={"Authorization": header}).status_code == 401


def test_bearer_token(client: Client, world: World) -> None:
    token = tokens.issue(world.ada, "script")
    answer = client.get("/api/v2/users/me.json", headers={"Authorization": f"Bearer {token}"})
    assert answer.json()["user"]["email"] == "ada@acme.test"


def test_session_cookie_is_no_api_credential(client: Client, world: World) -> None:
    client.force_login(world.ada)
    assert client.get("/api/v2/tickets").status_code == 401
