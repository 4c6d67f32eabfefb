"""A typo is suggested, corrected and sent again by keyboard alone; all full mailboxes of one domain are found."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import OpenPage
from tests.journeys.conftest import Desk

WORDS = {
    "agent": ("en", "Did you mean", "Take it over", "Save and resend", "Add another address and make it primary"),
    "agent_de": (
        "de", "Meinten Sie", "Übernehmen", "Speichern und erneut senden",
        "Weitere Adresse hinzufügen und zur primären machen",
    ),
}  # fmt: skip


@pytest.mark.browser
@pytest.mark.parametrize("who", WORDS)
def test_a_mistyped_domain_is_put_right_by_keyboard(desk: Desk, open_page: OpenPage, who: str) -> None:
    language, did_you_mean, take_over, resend, _ = WORDS[who]
    domain = f"bicycles-{language}.sandbox.test"
    desk.settles(desk.opens_ticket(f"kim@{domain}", "Kim"))  # mail to this domain arrives
    ticket = desk.opens_ticket(f"berta@{domain.replace('.test', '.tset')}", "Berta")
    desk.settles(ticket)
    page = desk.signs_in(open_page(language), who)
    page.goto(f"{desk.url}/tickets/{ticket}")

    tabs_to(page, "[id^=mail-] [data-warning]")
    page.keyboard.press("Enter")
    expect(page.locator("#card")).to_contain_text(f"{did_you_mean} berta@{domain}")
    tabs_to(page, f"#card button:has-text('{take_over}')")
    page.keyboard.press("Enter")
    expect(page.locator("#correct_address")).to_have_value(f"berta@{domain}")
    tabs_to(page, f"#card button:has-text('{resend}')")
    page.keyboard.press("Enter")

    expect(page.locator("[data-banner]")).to_have_count(0)
    assert desk.deliveries(ticket)[f"berta@{domain}"]["state"] == "accepted"


@pytest.mark.browser
@pytest.mark.parametrize("who", WORDS)
def test_a_supervisor_finds_full_mailboxes_and_adds_an_address(desk: Desk, open_page: OpenPage, who: str) -> None:
    language, _, _, resend, add = WORDS[who]
    domain = f"{language}.t15.sandbox.test"
    tickets = [desk.opens_ticket(f"full.{name}@{domain}", name.title()) for name in ("carl", "dora")]
    for ticket in [*tickets, desk.opens_ticket(f"unknown@{domain}", "Emil")]:
        desk.settles(ticket)
    page = desk.signs_in(open_page(language), who)
    page.goto(f"{desk.url}/search")
    page.locator("input[type=search]").first.fill(f"cause:mailbox_full recipient:@{domain}")
    page.keyboard.press("Enter")
    expect(page.locator("tbody [data-row-link]")).to_have_count(2)
    page.locator("tbody [data-row-link]").first.click()

    page.locator("[id^=mail-] [data-warning]").click()
    page.get_by_label(add).fill(f"private@{domain}")
    page.locator("#card form", has=page.get_by_label(add)).get_by_role("button", name=resend).click()
    expect(page.locator("[data-banner]")).to_have_count(0)
    number = int(page.url.partition("/tickets/")[2].partition("?")[0].partition("#")[0])
    assert number in tickets
    assert desk.deliveries(number)[f"private@{domain}"]["state"] == "accepted"


def tabs_to(page: Page, selector: str) -> None:
    """Press Tab until the first of `selector` has the focus."""
    for _ in range(120):
        if page.locator(selector).first.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    pytest.fail(f"Tab never comes to {selector}")
