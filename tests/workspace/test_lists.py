"""Views and search: what stands in them, paging, and a fixed number of queries."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from tests.world import World

from answerback.search import keyset
from answerback.search.models import View
from answerback.tickets.models import Ticket


def tickets_on(page: str) -> list[int]:
    return [int(pk) for pk in re.findall(r'data-ticket="(\d+)"', page)]


def test_undelivered_replies_name_recipient_cause_and_code(world: World, ada: Client, bruno: Client) -> None:
    ticket = world.ticket()
    world.answer(ticket)
    world.outcome(world.delivery_to(world.clara), "552 5.2.2 Mailbox full")
    english, german = (browser.get("/views/undelivered").text for browser in (ada, bruno))
    assert tickets_on(english) == [ticket.pk]
    for words in ("Undelivered replies", "Clara Customer", "Mailbox full", "552 5.2.2"):
        assert words in english
    for words in ("Nicht zugestellte Antworten", "Meine nicht zugestellten Antworten", "Postfach voll"):
        assert words in german


def test_search_finds_by_delivery_and_by_tag(world: World, ada: Client) -> None:
    failed, fine = world.ticket("Failed"), world.ticket("Fine")
    world.answer(failed)
    world.outcome(world.delivery_to(world.clara), "550 5.1.1 No such user")
    for query in ("delivery:open", "tags:system_email_notification_failure", "code:5.1.1", "cause:address_unknown"):
        assert tickets_on(ada.get("/search", {"q": query}).text) == [failed.pk], query
    assert tickets_on(ada.get("/search", {"q": "Fine"}).text) == [fine.pk]


def test_search_says_what_it_does_not_understand(world: World, bruno: Client) -> None:
    assert "Nach „colour:“ kann man nicht suchen." in bruno.get("/search", {"q": "colour:red"}).text


def test_paging_by_keyset_meets_every_ticket_once(world: World, ada: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyset.page, "__defaults__", ("", "", 2))
    expected = [world.ticket(f"Ticket {number}").pk for number in range(5)]
    seen, url = [], "/views/open"
    for _ in range(4):
        page = ada.get(url).text
        seen += tickets_on(page)
        following = re.search(r'rel="next" href="([^"]*)"', page)
        if not following:
            break
        url = following[1].replace("&amp;", "&")
    assert sorted(seen) == sorted(expected)


@pytest.mark.parametrize("url", ["/views/open", "/views/undelivered", "/search?q=printer"])
def test_many_rows_cost_no_more_queries_than_few(url: str, world: World, ada: Client) -> None:
    def failing_ticket() -> None:
        ticket = world.ticket()
        world.answer(ticket)
        delivery = world.delivery_to(world.clara)
        if delivery.state == "queued":
            world.outcome(delivery, "552 5.2.2 Mailbox full")

    failing_ticket()
    ada.get(url)
    with CaptureQueriesContext(connection) as few:
        ada.get(url)
    for _ in range(5):
        failing_ticket()
    with CaptureQueriesContext(connection) as many:
        ada.get(url)
    assert len(many) <= len(few)


def test_a_view_of_ones_own_lists_what_its_conditions_say(world: World, ada: Client) -> None:
    urgent, _other = world.ticket("Urgent"), world.ticket("Other")
    Ticket.objects.filter(pk=urgent.pk).update(priority="urgent", priority_rank=4)
    response = ada.post(
        "/views/new",
        {
            "title": "Hot",
            "all_field": "priority",
            "all_operator": "is",
            "all_value": "urgent",
            "columns": ["subject", "tags"],
            "sort_by": "created",
            "order": "asc",
        },
    )
    view = View.objects.get(title="Hot")
    assert response.headers["Location"] == f"/views/{view.pk}"
    assert tickets_on(ada.get(f"/views/{view.pk}").text) == [urgent.pk]
    assert (view.owner, view.columns, view.descending) == (world.ada, ["subject", "tags"], False)


def test_another_persons_view_does_not_exist(world: World, ada: Client, bruno: Client) -> None:
    bruno.post("/views/new", {"title": "His", "all_field": "status", "all_operator": "is", "all_value": "open"})
    view = View.objects.get(title="His")
    assert ada.get(f"/views/{view.pk}").status_code == 404
    assert ada.post(f"/views/{view.pk}/delete").status_code == 404


def test_an_empty_view_says_so_kindly(world: World, ada: Client) -> None:
    assert "Every reply arrived" in ada.get("/views/undelivered").text
