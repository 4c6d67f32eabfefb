"""A macro fills the composer and says what sending will change; two tickets of one person become one."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Route, expect

from tests.conftest import OpenPage
from tests.journeys.conftest import Desk, eventually

WORDS = {
    "agent": ("en", "Take it and solve it", "Status: Solved", "Remove macro"),
    "agent_de": ("de", "Übernehmen und lösen", "Status: Gelöst", "Makro entfernen"),
}
MERGING = {
    "agent": ("Merge", "Other tickets of the same person", "This cannot be undone.", "Merge for good"),
    "agent_de": (
        "Zusammenführen", "Andere Tickets derselben Person", "Das lässt sich nicht rückgängig machen.",
        "Endgültig zusammenführen",
    ),
}  # fmt: skip


@pytest.mark.browser
@pytest.mark.parametrize("who", WORDS)
def test_a_macro_answers_and_two_tickets_become_one(desk: Desk, open_page: OpenPage, who: str) -> None:
    language, take, will_be, remove = WORDS[who]
    address = f"clara@{who.replace('_', '')}.t15.sandbox.test"
    first, second = (desk.opens_ticket(address, "Clara", subject=subject) for subject in ("Bell", "Bell again"))
    page = desk.signs_in(open_page(language), who)

    page.goto(f"{desk.url}/tickets/{second}")
    page.locator("[data-macros] > summary").click()
    page.locator("[data-macros] .menu__sheet").get_by_role("button", name=take).click()
    expect(page.locator(".macro-chip")).to_contain_text(will_be)
    page.get_by_role("button", name=remove).click()
    expect(page.locator(".macro-chip")).to_have_count(0)
    page.locator("[data-macros] > summary").click()
    page.get_by_role("button", name=take).click()
    page.fill("#reply-text", "Here it is.")
    page.locator("[data-send]").click()
    expect(page.locator("#ticket-head .badge--solved")).to_be_visible()

    merge, same_person, for_good, do_it = MERGING[who]
    page.get_by_role("link", name=merge).click()
    expect(page.get_by_role("heading", name=same_person)).to_be_visible()
    page.get_by_role("link", name=f"#{first}").click()
    expect(page.get_by_text(for_good)).to_be_visible()
    page.get_by_role("button", name=do_it).click()
    page.wait_for_url(f"{desk.url}/tickets/{first}")
    expect(page.locator("#comments")).to_contain_text(f"#{second}")
    page.goto(f"{desk.url}/tickets/{second}")
    expect(page.get_by_role("link", name=f"#{first}").first).to_be_visible()
    assert "closed_by_merge" in desk.tags(second)


@pytest.mark.browser
def test_who_sends_before_the_macro_is_there_sends_with_it(desk: Desk, open_page: OpenPage) -> None:
    ticket = desk.opens_ticket("clara@late.t15.sandbox.test", "Clara", subject="Bell")
    page = desk.signs_in(open_page("en"), "agent")
    page.goto(f"{desk.url}/tickets/{ticket}")
    late: list[Route] = []
    page.route(re.compile(r"/macros/\d+$"), lambda route: late.append(route))
    page.locator("[data-macros] > summary").click()
    page.locator("[data-macros] .menu__sheet").get_by_role("button", name="Take it and solve it").click()
    page.fill("#reply-text", "Here it is.")
    page.locator("[data-send]").click()
    page.locator("[data-send]").click()
    [macro] = late
    macro.continue_()
    expect(page.locator("#ticket-head .badge--solved")).to_be_visible()
    assert [comment["body"] for comment in desk.comments(ticket)[1:]] == ["Here it is."]


NEW = {
    "agent": ("en", "Ask for another address", "is filled in when the ticket is opened", "Add tags"),
    "agent_de": ("de", "Nach anderer Adresse fragen", "sobald das Ticket eröffnet ist", "Stichwörter"),
}


@pytest.mark.browser
@pytest.mark.parametrize("who", NEW)
def test_a_macro_begins_a_ticket(desk: Desk, open_page: OpenPage, who: str) -> None:
    """Chosen by keyboard before anything is typed: what nobody knows yet is there when the ticket is."""
    language, ask, filled_in, tags = NEW[who]
    address = f"ok@{who.replace('_', '')}.t16.sandbox.test"
    page = desk.signs_in(open_page(language, width=375 if language == "de" else 1280), who)
    page.goto(f"{desk.url}/tickets/new?fresh")
    text = page.locator("#reply-text[contenteditable]")
    expect(text).to_be_visible()
    page.locator("h1").click()  # out of every field
    page.keyboard.press("m")
    expect(page.locator("#macro-filter")).to_be_focused()
    page.keyboard.type(ask)
    page.keyboard.press("Enter")
    expect(text).to_contain_text("{{ticket.requester.name}}")
    expect(page.locator("[data-placeholders-note]")).to_contain_text(filled_in)
    expect(page.locator(".macro-chip[data-id]")).to_contain_text(tags)
    expect(page.locator("#status")).to_have_value("pending")
    page.fill("#requester", address)
    page.fill("#requester-name", "Rosa")
    page.fill("#subject", "Your bell")
    page.get_by_role("button", name={"en": "Open ticket", "de": "Ticket eröffnen"}[language]).click()
    page.wait_for_url(lambda url: "/tickets/new" not in url)
    ticket = eventually(lambda: desk.call("GET", "search", query=f"requester:{address}")["results"])[0]["id"]
    [comment] = desk.comments(ticket)
    assert comment["body"].startswith("Hello Rosa,")  # whom nobody knows yet is answered in the desk's language
    assert "asked_for_address" in desk.tags(ticket)
