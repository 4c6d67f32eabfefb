"""Search and views through the API."""

from __future__ import annotations

import pytest
from tests.api.conftest import Call
from tests.world import World

from answerback.search import find


@pytest.mark.parametrize(
    "query, found",
    [
        ("fire", ["Printer on fire"]),
        ("clara@customer.test", ["Printer on fire", "Drucker brennt, Grüße aus Köln"]),
        ("gruesse", ["Drucker brennt, Grüße aus Köln"]),
        ("koln", ["Drucker brennt, Grüße aus Köln"]),
        ('"brennt, grüße"', ["Drucker brennt, Grüße aus Köln"]),
        ("brennt -koln", []),
        ("tags:system_email_notification_failure", ["Printer on fire"]),
        ("delivery:open", ["Printer on fire"]),
        ("-delivery:failed", ["Drucker brennt, Grüße aus Köln"]),
        ("cause:mailbox_full", ["Printer on fire"]),
        ("code:5.2.2", ["Printer on fire"]),
        ("code:552", ["Printer on fire"]),
        ("recipient:clara@customer.test", ["Printer on fire"]),
        ("status<solved order_by:created sort:asc", ["Printer on fire", "Drucker brennt, Grüße aus Köln"]),
        ("status:new", ["Drucker brennt, Grüße aus Köln"]),
        ("status:new status:open", ["Printer on fire", "Drucker brennt, Grüße aus Köln"]),
        ("assignee:me", ["Printer on fire"]),
        ("assignee:none", ["Drucker brennt, Grüße aus Köln"]),
        ("created>2020-01-01 requester:clara", ["Printer on fire", "Drucker brennt, Grüße aus Köln"]),
        ("created<2020-01-01", []),
    ],
)
def test_search(call: Call, world: World, query: str, found: list[str]) -> None:
    ticket = world.ticket("Printer on fire")
    world.ticket("Drucker brennt, Grüße aus Köln")
    world.answer(ticket)
    world.outcome(world.delivery_to(world.clara), "552 5.2.2 Mailbox full")
    _, body = call("GET", "search.json", query=query)
    assert sorted(row["subject"] for row in body["results"]) == sorted(found)
    assert call("GET", "search/count", query=query)[1] == {"count": len(found)}


def test_views(call: Call, world: World) -> None:
    ticket = world.ticket()
    world.answer(ticket)
    world.outcome(world.delivery_to(world.clara), "552 5.2.2 Mailbox full")
    _, body = call("GET", "views")
    assert body["views"][0]["title"] == "Undelivered replies"
    _, listed = call("GET", f"views/{body['views'][0]['id']}/tickets")
    assert [row["id"] for row in listed["tickets"]] == [ticket.pk]
    assert call("GET", f"views/{body['views'][0]['id']}/count")[1]["view_count"]["value"] == 1


def test_a_search_says_whether_it_saw_all(call: Call, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    tickets = [world.ticket(f"Fire {number}") for number in range(4)]
    _, body = call("GET", "search", query="fire")
    assert (body["count"], body["answerback"]) == (4, {"complete": True})
    monkeypatch.setattr(find.tickets, "__defaults__", (3,))
    monkeypatch.setattr(find.is_complete, "__defaults__", (3,))
    _, body = call("GET", "search", query="fire", sort_by="created_at", sort_order="asc")
    assert ([row["id"] for row in body["results"]], body["count"]) == ([one.pk for one in tickets[1:]], 3)
    assert body["answerback"] == {"complete": False}
    assert call("GET", "search/count", query="fire")[1] == {"count": 3}
    _, body = call("GET", "search", query="status<solved")  # without words there is no such bound
    assert (body["count"], body["answerback"]) == (4, {"complete": True})
    assert call("GET", "search/count", query="status<solved")[1] == {"count": 4}


@pytest.mark.parametrize("query", ["fire", "status<solved", "fire status<solved", "fire -flood"])
def test_all_of_a_search_by_cursor(call: Call, world: World, query: str) -> None:
    ids = [world.ticket(f"Fire {number}").pk for number in range(5)]
    asked = {"query": query, "filter[type]": "ticket", "page[size]": "2"}
    found: list[int] = []
    after = {}
    for _ in range(4):
        _, body = call("GET", "search/export.json", **asked, **after)
        found += [row["id"] for row in body["results"]]
        if not body["meta"]["has_more"]:
            break
        assert body["links"]["next"]
        after = {"page[after]": body["meta"]["after_cursor"]}
    assert found == ids[::-1]
    assert body["links"]["next"] is None
    _, body = call("GET", "search/export", **asked, **{"page[before]": body["meta"]["before_cursor"]})
    assert [row["id"] for row in body["results"]] == ids[1:3][::-1]


def test_an_export_needs_its_filter_and_a_cursor_of_ours(call: Call) -> None:
    assert call("GET", "search/export", query="fire")[0] == 400
    asked = {"query": "fire", "filter[type]": "ticket", "page[after]": "nonsense"}
    assert call("GET", "search/export", **asked)[0] == 400
