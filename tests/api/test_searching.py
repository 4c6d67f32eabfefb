"""Search and views through the API."""

from __future__ import annotations

import pytest
from tests.api.conftest import Call
from tests.world import World


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
