"""Search page, suggestions, customers, the editor of views: what an agent sees, and what it costs."""

from __future__ import annotations

import gzip
import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from tests.world import World

from answerback.people import identities
from answerback.search import saved
from answerback.search.conditions import CONDITIONS
from answerback.search.models import View
from answerback.tickets.models import Ticket


def tickets_on(page: str) -> list[int]:
    return [int(pk) for pk in re.findall(r'data-ticket="(\d+)"', page)]


def test_a_mistake_is_shown_where_it_is_with_what_may_be_meant(world: World, ada: Client, bruno: Client) -> None:
    page = ada.get("/search", {"q": "fire stauts:open"}).text
    assert "<mark>stauts</mark>" in page
    assert "/search?q=fire%20status%3Aopen" in page
    assert "Meinten Sie:" in bruno.get("/search", {"q": "stauts:open"}).text


@pytest.mark.parametrize(
    "begun, expected",
    [("sta", "status:"), ("fire status:s", "fire status:solved"), ("cause:mailbox_f", "cause:mailbox_full"),
     ("assignee:ad", "assignee:ada@acme.test"), ("requester:cla", "requester:clara@customer.test"),
     ("-delivery:h", "-delivery:held"), ("order_by:rel", "order_by:relevance")],
)  # fmt: skip
def test_keys_and_values_are_suggested_while_typing(begun: str, expected: str, world: World, ada: Client) -> None:
    assert f'data-text="{expected}"' in ada.get("/search/suggest", {"q": begun}).text


def test_a_search_is_exported_for_a_spreadsheet(world: World, ada: Client) -> None:
    ticket = world.ticket("=Fire")
    world.answer(ticket)
    world.outcome(world.delivery_to(world.clara), "552 5.2.2 Mailbox full")
    text = ada.get("/search.csv", {"q": "fire"}).content.decode("utf-8-sig")
    heading, row = text.splitlines()
    assert heading.startswith("id,subject")
    assert row.startswith(f"{ticket.pk},'=Fire,Clara Customer,")
    assert "clara@customer.test,mailbox_full,552 5.2.2" in row


def test_customers_are_found_by_a_part_of_their_address(world: World, ada: Client, bruno: Client) -> None:
    assert "Clara Customer" in ada.get("/customers", {"q": "clara@cus"}).text
    page = bruno.get("/customers", {"q": "nobody"}).text
    assert "Niemand gefunden" in page
    assert "data-row-link>Ada Agent<" not in ada.get("/customers").text


def test_customers_are_paged_by_name(world: World, ada: Client) -> None:
    for number in range(60):
        identities.find_or_create(f"n{number}@many.test", f"Name {number:02}")
    first = ada.get("/customers?order=name").text
    following = re.search(r'rel="next" href="([^"]*)"', first)
    assert following
    second = ada.get(following[1].replace("&amp;", "&")).text
    names = re.findall(r"data-row-link>([^<]+)<", first + second)
    assert names == sorted(names, key=str.lower)
    assert len(set(names)) == 63


def test_a_view_is_grouped_by_what_was_asked_for(world: World, ada: Client) -> None:
    waiting, other = world.ticket("waiting"), world.ticket("other")
    Ticket.objects.filter(pk=waiting.pk).update(status="pending", status_rank=2)
    data = {"title": "By status", "all_field": "status", "all_operator": "less_than", "all_value": "solved",
            "columns": ["subject"], "group_by": "status", "sort_by": "subject", "order": "asc"}  # fmt: skip
    page = ada.get(ada.post("/views/new", data).headers["Location"]).text
    assert tickets_on(page) == [other.pk, waiting.pk]
    assert re.findall(r'scope="rowgroup"[^>]*>([^<]+)<', page) == ["New", "Pending"]


@pytest.mark.parametrize("field, value, found", [
    ("created", "1", True), ("answered", "no", True), ("support_address", "0", False), ("language", "en", True),
    ("subject", "fire", True), ("cause", "mailbox_full", False),
    ("organization", "Acme", False), ("via", "email", True),
])  # fmt: skip
def test_the_editor_shows_what_a_view_would_hold(
    field: str, value: str, found: bool, world: World, ada: Client
) -> None:
    ticket = world.ticket()
    data = {"title": "x", "all_field": field, "all_operator": CONDITIONS[field].operators[0], "all_value": value}
    page = ada.post("/views/preview", data).text
    assert tickets_on(page) == ([ticket.pk] if found else [])
    assert ("1 ticket" in page) == found


def test_a_view_for_a_group_is_seen_by_its_members_only(world: World, ada: Client, bruno: Client) -> None:
    conditions = {"all_field": "status", "all_operator": "is", "all_value": "open"}
    bruno.post("/views/new", {"title": "Ours", "owner": world.group.pk, **conditions})
    view = View.objects.get(title="Ours")
    assert ada.get(f"/views/{view.pk}").status_code == 200
    world.group.members.remove(world.ada)
    assert ada.get(f"/views/{view.pk}").status_code == 404


def test_a_deleted_view_can_be_taken_back(world: World, ada: Client) -> None:
    ada.post("/views/new", {"title": "Mine", "all_field": "status", "all_operator": "is", "all_value": "open"})
    view = View.objects.get(title="Mine")
    page = ada.post(f"/views/{view.pk}/act", {"act": "delete"}, follow=True).text
    assert "“Mine” has been deleted." in page
    assert ada.get(f"/views/{view.pk}").status_code == 404
    ada.post(f"/views/{view.pk}/restore")
    assert ada.get(f"/views/{view.pk}").status_code == 200
    assert saved.forget_deleted() == 0


def test_views_are_copied_switched_off_and_moved(world: World, ada: Client, bruno: Client) -> None:
    system = View.objects.get(key="unassigned")
    location = ada.post(f"/views/{system.pk}/act", {"act": "clone"}).headers["Location"]
    assert "Unassigned tickets (copy)" in ada.get(location).text
    assert ada.post(f"/views/{system.pk}/act", {"act": "off"}).status_code == 403
    bruno.post(f"/views/{system.pk}/act", {"act": "off"})
    assert 'href="/views/unassigned"' not in ada.get("/frame/views?at=/").text
    bruno.post(f"/views/{View.objects.get(key='open').pk}/act", {"act": "up"})
    links = re.findall(r'href="/views/([a-z-]+)"', ada.get("/frame/views?at=/").text)
    assert links.index("open") < links.index("solved")


def test_a_view_is_dropped_at_another_place_of_its_block(world: World, ada: Client, bruno: Client) -> None:
    for title in ("One", "Two", "Three"):
        ada.post("/views/new", {"title": title, "all_field": "status", "all_operator": "is", "all_value": "open"})
    own = {view.title: view.pk for view in View.objects.filter(owner=world.ada)}
    before = list(View.objects.filter(owner=None).values_list("position", flat=True))
    ada.post(f"/views/{own['Three']}/act", {"act": "place", "place": "0"})
    ada.post(f"/views/{own['One']}/act", {"act": "place", "place": "99"})
    page = ada.get("/views").text
    assert re.findall(r"data-view=\"(\d+)\"", page)[-3:] == [str(own[name]) for name in ("Three", "Two", "One")]
    assert page.count("data-sortable-item") == 3  # what is shared is an admin's
    assert list(View.objects.filter(owner=None).values_list("position", flat=True)) == before
    assert 'href="/views/{}"'.format(own["Three"]) in ada.get("/frame/views?at=/").text
    assert ada.post(f"/views/{View.objects.get(key='open').pk}/act", {"act": "place", "place": "0"}).status_code == 403


LISTS = [
    "/customers", "/customers?q=customer&order=name", "/search?q=fire", "/search.csv?q=fire", "/views", "/views/open",
    "/search?q=fire+status<solved+order_by:subject", "/search?q=fire&sort=relevance",
]  # fmt: skip


@pytest.mark.parametrize("url", LISTS)
def test_a_long_list_costs_no_more_queries_and_stays_small(url: str, world: World, ada: Client) -> None:
    def one_more(number: int) -> None:
        person = identities.find_or_create(f"c{number}@customer.test", f"Customer {number}").person
        world.clara = person
        world.ticket(f"Fire {number}")

    one_more(0)
    ada.get(url)
    with CaptureQueriesContext(connection) as few:
        ada.get(url)
    for number in range(1, 60):
        one_more(number)
    with CaptureQueriesContext(connection) as many:
        response = ada.get(url)
    assert len(many) <= len(few)
    assert len(gzip.compress(response.content)) < 60_000
