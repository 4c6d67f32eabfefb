"""An admin makes a trigger from rows of the server, sees what it matches, and tries it: in both languages."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.conftest import OpenPage
from tests.journeys.conftest import Desk

SAID = {
    "en": ("Matches", "It applies to ticket", "Not saved yet"),
    "de": ("Trifft auf", "Sie trifft auf Ticket", "Noch nicht gespeichert"),
}


@pytest.mark.browser
@pytest.mark.parametrize("language", SAID)
def test_a_trigger_is_made_and_tried(desk: Desk, open_page: OpenPage, language: str) -> None:
    ticket = desk.opens_ticket(f"ok@{language}.t14.sandbox.test", "Rosa", subject=f"Zebra {language}")
    page = desk.signs_in(open_page(language, width=375 if language == "de" else 1280), "admin")
    desk.speaks(page, language)
    matches, applies, not_saved = SAID[language]
    page.goto(f"{desk.url}/admin/triggers/new")
    page.fill("#rule-title", f"Zebras {language}")
    page.locator("#all-rows select[name=all_field]").select_option("subject_includes_word")
    page.locator("#all-rows input[name=all_value]").fill(f"Zebra {language}")
    page.locator("#all-rows select[name=all_operator]").select_option("is")
    expect(page.locator("#all-rows input[name=all_value]")).to_have_value(f"Zebra {language}")
    page.locator("[hx-get='/admin/rules/action'].button").click()
    # htmx binds a row that has come a moment after it stands there: nobody is that quick but a test
    page.locator("#action-rows .action-row:not(.htmx-added) select").first.select_option("current_tags")
    page.locator("#action-rows input[name$=_value]").wait_for()  # the action's own row has come
    page.locator("#rule-form .form-actions button").press("Enter")
    expect(page.locator("[role=alert]").first).to_contain_text(not_saved)
    page.locator("#action-rows input[name$=_value]").fill("striped")
    expect(page.locator("#estimate")).to_contain_text(matches)
    page.fill("#trial-ticket", str(ticket))
    page.press("#trial-ticket", "Enter")
    expect(page.locator("#trial")).to_contain_text(f"{applies} #{ticket}")
    expect(page.locator("#trial")).to_contain_text("striped")
    assert "striped" not in desk.tags(ticket)
    page.locator("#rule-form .form-actions button").press("Enter")
    expect(page.locator(".rule h2", has_text=f"Zebras {language}")).to_be_visible()
    desk.call("PUT", f"tickets/{ticket}", {"ticket": {"priority": "high"}})
    assert "striped" in desk.tags(ticket)
