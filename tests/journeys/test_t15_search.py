"""Search by keyboard with suggestions, and a view built of what the preview shows."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.conftest import OpenPage
from tests.journeys.conftest import Desk


@pytest.mark.browser
@pytest.mark.parametrize("who, language", [("agent", "en"), ("agent_de", "de")])
def test_a_search_is_put_together_by_keyboard(desk: Desk, open_page: OpenPage, who: str, language: str) -> None:
    meaning = {"en": "a failure that nobody has put right", "de": "ein Zustellfehler, den niemand behoben hat"}[
        language
    ]
    ticket = desk.opens_ticket(f"full@{language}.t15.sandbox.test", "Anna Berg", subject=f"Müllers Räder {language}")
    desk.settles(ticket)
    page = desk.signs_in(open_page(language), who)
    page.keyboard.press("/")
    page.keyboard.type("delivery:op")
    expect(page.get_by_role("option", name=meaning)).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#search")).to_have_value("delivery:open ")
    page.keyboard.type(f"mueller rad {language}")
    page.keyboard.press("Enter")
    expect(page.locator(f'[data-ticket="{ticket}"]')).to_be_visible()
    expect(page.locator("[data-ticket]")).to_have_count(1)


@pytest.mark.browser
def test_the_preview_follows_the_editor_and_the_view_keeps_its_columns(desk: Desk, open_page: OpenPage) -> None:
    ticket = desk.opens_ticket("ok@t15.sandbox.test", "Kim", subject="Preview me")
    page = desk.signs_in(open_page("en"), "agent")
    page.goto(f"{desk.url}/views/new")
    page.get_by_label("Name").fill("Of today")
    page.get_by_label("Field").select_option("subject")
    page.get_by_role("textbox", name="Value").fill("Preview")  # the field's own row has replaced the first one
    expect(page.locator("#preview [data-ticket]")).to_have_count(1)
    page.get_by_role("button", name="Move “Requester” forward").click()
    page.get_by_role("button", name="Save view").click()
    expect(page.locator(f'[data-ticket="{ticket}"]')).to_be_visible()
    headings = page.locator("thead th a").all_inner_texts()
    assert headings.index("Requester") < headings.index("Subject")
