"""The bell, its menu and the list of notices."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from tests.world import World

from answerback.desk.models import Notice
from answerback.desk.telling import escalation, notices
from answerback.tickets.models import Ticket
from answerback.workspace import keyset

FULL = "552 5.2.2 Mailbox full"


def failing_ticket(world: World, subject: str = "Printer on fire") -> Ticket:
    ticket = world.ticket(subject)
    world.answer(ticket)
    world.outcome(world.delivery_to(world.clara), FULL)
    return ticket


def listed(page: str) -> list[int]:
    return [int(pk) for pk in re.findall(r'data-notice="(\d+)"', page)]


def test_a_notice_names_ticket_recipient_cause_and_code(world: World, ada: Client) -> None:
    ticket = failing_ticket(world)
    page = ada.get("/notices").text
    assert "Not delivered to Clara Customer: mailbox full. 552 5.2.2" in page
    assert f"#{ticket.pk}</span>Printer on fire" in page
    assert "1 unread notice" in ada.get("/frame/notices").text


def test_a_notice_speaks_the_readers_language(world: World, bruno: Client) -> None:
    ticket = world.ticket()
    world.answer(ticket)
    Ticket.objects.filter(pk=ticket.pk).update(assignee=world.bruno)
    world.outcome(world.delivery_to(world.clara), FULL)
    assert "Nicht zugestellt an Clara Customer: Postfach voll. 552 5.2.2" in bruno.get("/notices/menu").text
    assert "1 ungelesene Mitteilung" in bruno.get("/frame/notices").text


def test_following_a_notice_leads_to_the_comment_and_counts_as_read(world: World, ada: Client) -> None:
    ticket = failing_ticket(world)
    notice = Notice.objects.get()
    response = ada.get(f"/notices/{notice.pk}")
    assert response.headers["Location"] == f"/tickets/{ticket.pk}#comment-{notice.comment_id}"
    assert notices.count_unread(world.ada) == 0


def test_reading_the_ticket_reads_its_notices(world: World, ada: Client) -> None:
    ticket = failing_ticket(world)
    ada.get(f"/tickets/{ticket.pk}")
    assert notices.count_unread(world.ada) == 0


def test_notices_can_be_marked(world: World, ada: Client) -> None:
    failing_ticket(world)
    failing_ticket(world)
    first, _second = Notice.objects.order_by("pk")
    ada.post("/notices/read", {"act": "read", "notice": first.pk})
    assert listed(ada.get("/notices?show=unread").text) == [_second.pk]
    ada.post("/notices/read", {"act": "unread", "notice": first.pk})
    assert notices.count_unread(world.ada) == 2
    ada.post("/notices/read", {"act": "all"})
    assert listed(ada.get("/notices?show=unread").text) == []
    assert len(listed(ada.get("/notices").text)) == 2


def test_somebody_elses_notice_does_not_exist(world: World, bruno: Client) -> None:
    failing_ticket(world)
    notice = Notice.objects.get()
    assert bruno.get(f"/notices/{notice.pk}").status_code == 404
    bruno.post("/notices/read", {"act": "read", "notice": notice.pk})
    assert notices.count_unread(world.ada) == 1


def test_paging_meets_every_notice_once(world: World, ada: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyset.page, "__defaults__", (2,))
    for _ in range(5):
        failing_ticket(world)
    seen, url = [], "/notices"
    for _ in range(4):
        page = ada.get(url).text
        seen += listed(page)
        following = re.search(r'rel="next" href="([^"]*)"', page)
        if not following:
            break
        url = following[1].replace("&amp;", "&")
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == 5


def test_many_notices_cost_no_more_queries_than_few(world: World, ada: Client) -> None:
    failing_ticket(world)
    ada.get("/notices")
    with CaptureQueriesContext(connection) as few:
        ada.get("/notices")
    for _ in range(5):
        failing_ticket(world)
    with CaptureQueriesContext(connection) as many:
        ada.get("/notices")
    assert len(many) <= len(few)


def test_nothing_to_tell_is_said_kindly(world: World, ada: Client) -> None:
    assert "Nothing to tell" in ada.get("/notices").text


def test_a_closed_ticket_offers_a_follow_up_with_the_answer_that_was_missed(world: World, ada: Client) -> None:
    ticket = failing_ticket(world)
    Ticket.objects.filter(pk=ticket.pk).update(status="closed", status_rank=5)
    comment_id = Notice.objects.get().comment_id
    offer = f'href="/tickets/new?follow={ticket.pk}&amp;missed={comment_id}"'
    assert offer in ada.get("/notices").text
    assert offer in ada.get(f"/tickets/{ticket.pk}").text
    assert offer in ada.get(f"/deliveries/{world.delivery_to(world.clara).pk}/card").text
    form = ada.get(f"/tickets/new?follow={ticket.pk}&missed={comment_id}").text
    replaced = f'name="replaces" value="{world.delivery_to(world.clara).pk}"'
    for words in ("Use the blue bucket.", "clara@customer.test", "Printer on fire", replaced):
        assert words in form
    other = world.ticket()
    assert "Use the blue bucket." not in ada.get(f"/tickets/new?follow={other.pk}&missed={comment_id}").text


def test_an_administrator_says_when_supervisors_are_told(world: World, bruno: Client, ada: Client) -> None:
    assert 'value="4"' in bruno.get("/admin/escalation").text
    bruno.post("/admin/escalation", {"hours": "12"})
    assert escalation.hours() == 12
    assert "Geben Sie eine ganze Zahl" in bruno.post("/admin/escalation", {"hours": "-3"}, follow=True).text
    assert escalation.hours() == 12
    assert ada.post("/admin/escalation", {"hours": "0"}).status_code == 403
