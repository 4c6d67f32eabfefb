"""The query language: any text is a search, and what is found is what people mean."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.world import World, make_world

from answerback.core import clock, db
from answerback.people import profiles
from answerback.search import catching_up, documents, find, query
from answerback.search.keys import KEYS
from answerback.search.sorts import SORTS
from answerback.tickets import update
from answerback.tickets.changes import Changes, NewComment
from answerback.tickets.models import Ticket


def found(text: str, world: World) -> list[str]:
    search = query.parse(text, world.ada)
    return [ticket.subject for ticket in find.page(search, search.order, search.descending).rows]


@pytest.fixture
def desk(world: World) -> World:
    """Some tickets in two languages and a third script, one of them with an answer that failed."""
    with clock.at(clock.now() - timedelta(days=3)):
        world.ticket("Rechnungen für die Straße")
        world.ticket("Häuser von Müller, Bestellung R-2026-00417")
    failed = world.ticket("Printers are printing", ccs=[world.deniz])
    world.answer(failed, "See the invoice 東京都庁 above.")
    world.outcome(world.delivery_to(world.clara), "552 5.2.2 Mailbox full")
    return world


@pytest.mark.parametrize(
    "text, subjects",
    [
        ("Rechnung", ["Rechnungen für die Straße"]),
        ("strasse", ["Rechnungen für die Straße"]),
        ("Straßen", ["Rechnungen für die Straße"]),
        ("haus", ["Häuser von Müller, Bestellung R-2026-00417"]),
        ("haeuser", ["Häuser von Müller, Bestellung R-2026-00417"]),
        ("mueller", ["Häuser von Müller, Bestellung R-2026-00417"]),
        ("muller", ["Häuser von Müller, Bestellung R-2026-00417"]),
        ("printer", ["Printers are printing"]),
        ("invoices", ["Printers are printing"]),
        ("東京", ["Printers are printing"]),
        ("都庁", ["Printers are printing"]),
        ("庁", ["Printers are printing"]),
        ('"are printing"', ["Printers are printing"]),
        ('"printing are"', []),
        ("R-2026-00417", ["Häuser von Müller, Bestellung R-2026-00417"]),
        ("R-2026", ["Häuser von Müller, Bestellung R-2026-00417"]),
        ("26-004", ["Häuser von Müller, Bestellung R-2026-00417"]),
        ("0041", ["Häuser von Müller, Bestellung R-2026-00417"]),
        ("*estell*", ["Häuser von Müller, Bestellung R-2026-00417"]),
        ("Bestel*", ["Häuser von Müller, Bestellung R-2026-00417"]),
        ("deniz@cust", ["Printers are printing"]),
        ("printer -invoice", []),
        ("-printer -haus", ["Rechnungen für die Straße"]),
        ("subject:invoice", []),
        ("comment:invoice", ["Printers are printing"]),
        ("subject:haus subject:printer", ["Printers are printing", "Häuser von Müller, Bestellung R-2026-00417"]),
        ("created<2days", ["Häuser von Müller, Bestellung R-2026-00417", "Rechnungen für die Straße"]),
        ("created>2days", ["Printers are printing"]),
        ("cc:deniz", ["Printers are printing"]),
        ("delivery:mine", ["Printers are printing"]),
        ("recipient:@customer.test", ["Printers are printing"]),
        ("code:5.2*", ["Printers are printing"]),
        ("-delivery:open status<solved order_by:subject sort:asc", [
            "Häuser von Müller, Bestellung R-2026-00417", "Rechnungen für die Straße",
        ]),
    ],
)  # fmt: skip
def test_people_find_what_they_mean(text: str, subjects: list[str], desk: World) -> None:
    assert found(text, desk) == subjects


def test_a_part_of_an_address_is_found(desk: World) -> None:
    assert len(found("@customer", desk)) == 3
    assert len(found("ustomer.te", desk)) == 3


def test_a_ticket_is_found_by_its_number(desk: World) -> None:
    ticket = Ticket.objects.get(subject="Printers are printing")
    assert found(f"#{ticket.pk}", desk) == [ticket.subject]
    assert ticket.subject in found(str(ticket.pk), desk)


@pytest.mark.parametrize(
    "text, kind, at, suggestion",
    [
        ("printer stauts:open", "unknown_key", 8, "status"),
        ("status:opne", "bad_value", 7, "open"),
        ("created>soon", "bad_moment", 8, ""),
        ("order_by:colour", "unknown_order", 9, ""),
        ("tags>a", "no_comparison", 4, ""),
    ],
)
def test_what_is_not_understood_is_told_with_its_place(
    text: str, kind: str, at: int, suggestion: str, world: World
) -> None:
    [problem] = query.parse(text, world.ada).problems
    assert (problem.kind, problem.at, problem.suggestion) == (kind, at, suggestion)


_VALUE = st.text(max_size=12) | st.sampled_from(
    ["me", "none", "open", "2days", "5.1.1", "@x.test", "*", '"a b', "東", "it's"]
)
_PART = st.builds(
    "{}{}{}{}".format, st.sampled_from(["", "-"]), st.sampled_from([*KEYS, "order_by", "sort", "nonsense"]),
    st.sampled_from([":", "<", ">", "<=", ">="]), _VALUE,
)  # fmt: skip
_QUERY = st.lists(_PART | st.text(max_size=20), max_size=5).map(" ".join)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(_QUERY, st.sampled_from([*SORTS, query.BEST]))
def test_any_text_is_a_search_that_the_database_takes(world: World, text: str, order: str) -> None:
    search = query.parse(text, world.ada)
    find.page(search, search.order, search.descending)
    find.page(search, order, False)
    find.count(search)


@pytest.mark.parametrize("text", ["fire", "fire -nothing", "fire status<solved", "order_by:relevance fire"])
def test_pages_of_a_search_hold_every_ticket_once_also_while_new_ones_come(text: str, world: World) -> None:
    expected = [world.ticket(f"Fire {number}").pk for number in range(7)][::-1]
    search = query.parse(text, None)
    first = find.page(search, search.order, True, size=3)
    world.ticket("Another fire")
    second = find.page(search, search.order, True, after=first.after, size=3)
    assert [ticket.pk for ticket in [*first.rows, *second.rows]] == expected[:6]
    back = find.page(search, search.order, True, before=second.before, size=3)
    assert [ticket.pk for ticket in back.rows] == expected[:3]


def test_many_hits_are_paged_in_every_order(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(find, "FEW", 2)
    expected = [world.ticket(f"Fire {number}").pk for number in range(7)]
    world.ticket("Something else")
    Ticket.objects.filter(subject="Something else").update(subject="No")
    search = query.parse("fire order_by:created sort:asc", None)
    seen, mark = [], ""
    while True:
        page = find.page(search, search.order, search.descending, after=mark, size=3)
        seen += [ticket.pk for ticket in page.rows if ticket.subject != "No"]
        mark = page.after
        if not mark:
            break
    assert seen == expected


def test_a_subject_comes_before_a_comment_where_the_best_comes_first(world: World) -> None:
    world.ticket("Delivery of a bicycle")
    world.answer(world.ticket("Question"), "Your bicycle is ready.")
    assert found("bicycle order_by:relevance", world) == ["Delivery of a bicycle", "Question"]
    assert found("bicycle", world) == ["Question", "Delivery of a bicycle"]


def test_a_new_name_is_found_and_an_old_one_no_more(world: World) -> None:
    world.ticket(ccs=[world.deniz])
    catching_up.people()
    profiles.edit(world.deniz, name="Deniz Yilmaz")
    assert found("cc:yilmaz", world) == ["Printer on fire"]
    catching_up.people()
    assert found("yilmaz", world) == ["Printer on fire"]
    assert found("cc:yilmaz", world) == ["Printer on fire"]
    assert found("demir", world) == found("cc:demir", world) == []


def test_a_long_ticket_lies_in_several_documents_and_a_comment_rewrites_the_last(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "MOST_WORDS", 10)
    ticket = world.ticket()
    for word in ("alpha", "beta", "gamma", "delta"):
        text = f"{word} " + "and more words " * 3
        update.apply(ticket.pk, Changes(comment=NewComment(author=world.clara, public=True, text=text)), None, "web")
        documents.refresh(ticket.pk)
    rows = list(ticket.documents.order_by("number").values_list("number", "first_comment", "last_comment"))
    assert len(rows) == 5
    assert [first for _, first, _ in rows[1:]] == [last for _, _, last in rows[1:]]
    for word in ("alpha", "delta", "burns", "clara delta", "alpha delta"):
        assert found(word, world) == ["Printer on fire"], word
    assert found("printer -alpha", world) == []


def test_a_deleted_ticket_is_found_no_more(world: World) -> None:
    ticket = world.ticket()
    Ticket.objects.filter(pk=ticket.pk)
    ticket.audits.all().delete()
    ticket.delete()
    assert found("fire", world) == []


def test_an_older_installation_is_read_in_the_background(world: World) -> None:
    for number in range(3):
        world.ticket(f"Fire {number}")
    Ticket.objects.first().documents.all().delete()  # type: ignore[union-attr]
    assert len(found("fire", world)) == 2
    catching_up.begin()
    assert catching_up.left() > 0
    catching_up.tickets()
    assert catching_up.left() == 0
    assert len(found("fire", world)) == 3


@pytest.mark.django_db(transaction=True)
def test_two_that_write_the_first_words_of_a_ticket_at_once() -> None:
    if not db.is_postgresql():
        pytest.skip("on SQLite one transaction writes at a time")
    world = make_world()
    ticket = world.ticket()
    ticket.documents.all().delete()

    def refresh() -> None:
        try:
            with transaction.atomic():
                documents.refresh(ticket.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as thread:
        with transaction.atomic():
            documents.refresh(ticket.pk)
            second = thread.submit(refresh)
            time.sleep(0.5)
        second.result()
    assert found("fire", world) == ["Printer on fire"]
