"""A solved ticket comes back when its last answer bounces, and its group is told: by a bell, in the list, by mail."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.conftest import OpenPage
from tests.journeys.conftest import Desk, eventually

WORDS = {
    "agent": ("en", "Not delivered to Berta", "Open"),
    "agent_de": ("de", "Nicht zugestellt an Berta", "Offen"),
}


@pytest.mark.browser
@pytest.mark.parametrize("who", WORDS)
def test_solved_ticket_comes_back(desk: Desk, open_page: OpenPage, who: str) -> None:
    language, title, status = WORDS[who]
    address = f"bounce-later@{language}.t13.sandbox.test"
    page = desk.signs_in(open_page(language), who)
    page.goto(f"{desk.url}/views/solved")
    told_before = page.locator("#notice-count").inner_text()

    ticket = desk.opens_ticket(address, "Berta", subject=f"Comes back {language}")
    desk.call("PUT", f"tickets/{ticket}", {"ticket": {"status": "solved", "assignee_id": None}})
    assert desk.call("GET", f"tickets/{ticket}")["ticket"]["status"] == "solved"
    eventually(lambda: desk.call("GET", f"tickets/{ticket}")["ticket"]["status"] == "open")

    # nobody did anything on the page: the number beside the bell moved by itself
    expect(page.locator("#notice-count")).not_to_have_text(told_before)
    page.locator("[data-bell]").click()
    page.get_by_role("link", name=title).first.click()
    page.wait_for_url(f"{desk.url}/tickets/{ticket}*")
    expect(page.locator("[data-banner]")).to_contain_text(title)
    expect(page.locator("#ticket-head")).to_contain_text(status)

    mailed = [row for row in desk.deliveries(ticket).values() if row["kind"] == "agent"]
    assert mailed, "the group was told by mail too"
