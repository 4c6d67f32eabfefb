"""No calm that is not proven: a played internet that swallows reports, then one that returns them."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.conftest import OpenPage
from tests.journeys.conftest import eventually, running_desk

pytestmark = pytest.mark.browser
WORDS = {
    "en": "Accepted; failure reports do not reach us",
    "de": "Angenommen; Fehlerberichte kommen hier nicht an",
}
DOT = "#health .dot"


def test_no_calm_that_is_not_proven(tmp_path: Path, open_page: OpenPage) -> None:
    folder = tmp_path / "desk"
    swallowing = {"PROBE_ADDRESS": "swallow-*@way-back.sandbox.test", "PROBE_PATIENCE": "2"}
    with running_desk(folder, "--empty", **swallowing) as desk:
        admin = desk.signs_in(open_page(), "admin")
        ticket = desk.opens_ticket("ok@t16.sandbox.test", "Nora Nachbar")
        eventually(lambda: desk.settles(ticket))
        agents = {"en": desk.signs_in(open_page("en"), "agent"), "de": desk.signs_in(open_page("de", 375), "agent_de")}
        for language, page in agents.items():
            page.goto(f"{desk.url}/tickets/{ticket}")
            words = page.locator(".recipient__words")
            expect(words).to_have_text(WORDS[language])  # appears on the open page
            expect(page.locator(DOT)).to_have_attribute("data-state", "blind")
            page.locator(".recipient button.glyph").press("Enter")
            expect(page.locator("#card-title")).to_have_text(WORDS[language])
            page.keyboard.press("Escape")
        admin.goto(f"{desk.url}/notices")
        expect(admin.locator(".notice--way_back a.notice__title")).to_contain_text("Failure reports do not reach us")
        admin.locator(".notice--way_back a.notice__title").click()
        way = admin.locator("#way-back [data-way]")
        expect(way).to_have_attribute("data-result", "missing")
        expect(way).to_contain_text("MX")

    with running_desk(folder, "--empty", PROBE_PATIENCE="20", SANDBOX_REACTION_AFTER="1") as desk:
        agent = desk.signs_in(open_page(), "agent")
        agent.goto(f"{desk.url}/tickets/{ticket}")
        expect(agent.locator(".recipient__words")).to_have_text(WORDS["en"])
        admin = desk.signs_in(open_page(), "admin")
        admin.goto(f"{desk.url}/delivery")
        admin.locator("#way-back button").click()
        expect(admin.locator("#way-back [data-way]")).to_have_attribute("data-result", "returned")
        expect(agent.locator(".recipient__words")).to_contain_text("Accepted by")  # without a reload
        expect(agent.locator(DOT)).to_have_attribute("data-state", "fine")
        admin.goto(f"{desk.url}/notices")
        expect(admin.locator(".notice--way_back")).to_have_class("notice notice--way_back notice--settled")
