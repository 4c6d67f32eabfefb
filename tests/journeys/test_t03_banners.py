"""All failed, one alone failed, one held: the words of the banner in both languages."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.conftest import OpenPage
from tests.journeys.conftest import Desk, eventually

LANGUAGES = {"agent": "en", "agent_de": "de"}
ALL = {"agent": "Failed to deliver", "agent_de": "Zustellung fehlgeschlagen"}
ONE = {
    "agent": "Not delivered to Anna Berg: mailbox full. 552 5.2.2",
    "agent_de": "Nicht zugestellt an Anna Berg: Postfach voll. 552 5.2.2",
}
HELD = {
    "agent": "Not sent to Anna Berg: address is marked undeliverable",
    "agent_de": "Nicht gesendet an Anna Berg: Adresse ist als unzustellbar markiert",
}


def banner_of(desk: Desk, open_page: OpenPage, who: str, ticket: int) -> str:
    desk.settles(ticket)
    page = desk.signs_in(open_page(LANGUAGES[who]), who)
    page.goto(f"{desk.url}/tickets/{ticket}")
    expect(page.locator("[data-banner]")).to_have_count(1)
    return page.locator("[data-banner]").inner_text().strip()


@pytest.mark.browser
@pytest.mark.parametrize("who", LANGUAGES)
def test_all_failed(desk: Desk, open_page: OpenPage, who: str) -> None:
    domain = f"{who.replace('_', '')}.t03.sandbox.test"
    ticket = desk.opens_ticket(f"unknown@{domain}", "Udo", {f"full@{domain}": "Fritz"})
    assert banner_of(desk, open_page, who, ticket) == ALL[who]


@pytest.mark.browser
@pytest.mark.parametrize("who", LANGUAGES)
def test_one_alone_failed(desk: Desk, open_page: OpenPage, who: str) -> None:
    ticket = desk.opens_ticket(f"full@{who.replace('_', '')}.t04.sandbox.test", "Anna Berg")
    assert banner_of(desk, open_page, who, ticket) == ONE[who]


@pytest.mark.browser
@pytest.mark.parametrize("who", LANGUAGES)
def test_one_alone_held(desk: Desk, open_page: OpenPage, who: str) -> None:
    address = f"unknown@{who.replace('_', '')}.t05.sandbox.test"
    first = desk.opens_ticket(address, "Anna Berg")
    eventually(lambda: desk.tags(first))  # the failure is known everywhere, also to the address
    ticket = desk.opens_ticket(address, "Anna Berg", subject="Once more")
    assert banner_of(desk, open_page, who, ticket) == HELD[who]
    assert desk.recipients(ticket)[address]["answerback"]["state"] == "held"
