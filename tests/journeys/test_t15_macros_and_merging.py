"""A macro fills the composer and says what sending will change; two tickets of one person become one."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.conftest import OpenPage
from tests.journeys.conftest import Desk

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
