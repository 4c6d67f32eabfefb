"""Lists are put in order by the mouse and by keyboard alone, and stay so: triggers, cause rules, macros and views."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import OpenPage
from tests.journeys.conftest import Desk

LISTS = {
    "/admin/triggers": "[data-sortable]",
    "/admin/cause-rules": "[data-sortable]",
    "/macros": "[data-sortable] >> nth=0",
    "/views": "[data-sortable] >> nth=0",
}
WORDS = {"en": ("up", "down"), "de": ("nach oben", "nach unten")}


def order(page: Page, block: str) -> list[str]:
    return page.locator(block).locator("[data-sortable-item]").evaluate_all("items => items.map((one) => one.id)")


@pytest.mark.browser
@pytest.mark.parametrize("url", LISTS)
@pytest.mark.parametrize("language", WORDS)
def test_a_list_is_put_in_order(desk: Desk, open_page: OpenPage, url: str, language: str) -> None:
    block = LISTS[url]
    page = desk.signs_in(open_page(language), "admin")
    desk.speaks(page, language)
    if url == "/admin/cause-rules":
        for number in range(3):
            rule = {"words": f"{language} says {number}", "cause": "reputation"}
            desk.call("POST", "cause_rules", {"cause_rule": rule})
    page.goto(f"{desk.url}{url}")
    before = order(page, block)

    grip = page.locator(f"#{before[2]} [data-grip]")
    with page.expect_navigation():
        grip.drag_to(page.locator(f"#{before[0]}"), target_position={"x": 40, "y": 2})
    dropped = [before[2], before[0], before[1], *before[3:]]
    assert order(page, block) == dropped

    up, down = WORDS[language]
    button = page.locator(f"#{before[2]}").get_by_role("button", name=f"{down}", exact=False)
    button.focus()
    for _ in range(2):  # the button has the focus again after each
        with page.expect_navigation():
            page.keyboard.press("Enter")
        expect(button).to_be_focused()
    assert order(page, block) == before
    first = page.locator(f"#{before[0]}")
    expect(first.get_by_role("button", name=up)).to_be_disabled()
