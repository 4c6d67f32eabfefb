"""By keyboard alone, and on a narrow screen."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.conftest import OpenPage
from tests.journeys.conftest import Desk, eventually


@pytest.mark.browser
def test_answer_by_keyboard_alone(desk: Desk, open_page: OpenPage) -> None:
    ticket = desk.opens_ticket("ok@t10.sandbox.test", "Kim", subject="Keyboard")
    desk.call("PUT", f"tickets/{ticket}", {"ticket": {"priority": "urgent"}})
    page = desk.signs_in(open_page("en"), "agent")
    page.goto(f"{desk.url}/search?q=subject:Keyboard")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{desk.url}/tickets/{ticket}*")
    page.keyboard.press("r")
    page.keyboard.type("Written without a mouse.")  # at once: no letter may be lost
    expect(page.locator("#reply-text")).to_have_text("Written without a mouse.")
    page.keyboard.press("Control+Enter")
    eventually(lambda: len(desk.comments(ticket)) == 2)
    expect(page.locator("[data-comment]")).to_have_count(2)


@pytest.mark.browser
@pytest.mark.parametrize("who, language", [("agent", "en"), ("agent_de", "de")])
def test_nothing_is_cut_off_at_375(desk: Desk, open_page: OpenPage, who: str, language: str) -> None:
    ticket = desk.opens_ticket(f"full@{language}.t11.sandbox.test", "Anna Berg")
    person = desk.settles(ticket)[f"full@{language}.t11.sandbox.test"]["user_id"]
    page = desk.signs_in(open_page(language, width=375, height=800), who)
    for path in ("/views/open", "/views/undelivered", f"/tickets/{ticket}", f"/customers/{person}", "/delivery"):
        page.goto(desk.url + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 375, path
