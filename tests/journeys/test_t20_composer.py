"""Writing an answer: formatted, saved while it is typed, taken back in time, and not past a colleague."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.conftest import OpenPage
from tests.journeys.conftest import Desk, eventually, running_desk

AXE = Path(__file__).parents[2] / "node_modules/axe-core/axe.min.js"

WORDS = {
    "agent": ("en", "Draft saved", "Sending in", "is writing a reply", "answered meanwhile"),
    "agent_de": ("de", "Entwurf gespeichert", "Wird in", "schreibt gerade eine Antwort", "hat inzwischen geantwortet"),
}
GAP_ABOVE = (
    "log => log.getBoundingClientRect().top - document.getElementById('ticket-head').getBoundingClientRect().bottom"
)


@pytest.fixture(scope="module")
def patient_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One that leaves time to undo."""
    with running_desk(tmp_path_factory.mktemp("patient") / "data", "--empty", UNDO_SECONDS="7") as running:
        yield running


def opened(desk: Desk, open_page: OpenPage, who: str, ticket: int) -> Page:
    page = desk.signs_in(open_page(WORDS[who][0]), who)
    page.goto(f"{desk.url}/tickets/{ticket}")
    expect(page.locator("div#reply-text")).to_be_visible()  # the editor has taken the field's place
    return page


@pytest.mark.browser
@pytest.mark.parametrize("who", WORDS)
def test_written_by_keyboard_taken_back_and_sent(patient_desk: Desk, open_page: OpenPage, who: str) -> None:
    desk = patient_desk
    ticket = desk.opens_ticket(f"ok@{who.replace('_', '')}.t20.sandbox.test", "Kim")
    page = opened(desk, open_page, who, ticket)
    page.keyboard.press("r")
    page.keyboard.type("Hello ")
    page.keyboard.press("Control+b")
    page.keyboard.type("Kim")
    expect(page.locator("#draft-state")).to_contain_text(WORDS[who][1])
    page.reload()
    text = page.locator("div#reply-text")
    expect(text.locator("b")).to_have_text("Kim")
    text.press("Control+Enter")
    expect(page.locator("[data-waiting]")).to_contain_text(WORDS[who][2])
    page.keyboard.press("Control+z")
    expect(text.locator("b")).to_have_text("Kim")
    expect(page.locator("[data-waiting]")).to_have_count(0)
    assert len(desk.comments(ticket)) == 1
    text.press("Control+Enter")
    eventually(lambda: len(desk.comments(ticket)) == 2)
    expect(page.locator("[data-comment]")).to_have_count(2)
    expect(page.locator("[data-waiting]")).to_have_count(0)
    assert "<b>Kim</b>" in desk.comments(ticket)[-1]["html_body"]


@pytest.mark.browser
@pytest.mark.parametrize("who", WORDS)
def test_a_colleague_who_writes_is_seen_and_not_passed(patient_desk: Desk, open_page: OpenPage, who: str) -> None:
    desk, other = patient_desk, next(one for one in WORDS if one != who)
    ticket = desk.opens_ticket(f"ok@{who.replace('_', '')}.t21.sandbox.test", "Kim")
    page, colleague = opened(desk, open_page, who, ticket), opened(desk, open_page, other, ticket)
    colleague.locator("#reply-text").press_sequentially("I am quicker.")
    expect(page.locator("#presence")).to_contain_text(WORDS[who][3])
    page.locator("#reply-text").press_sequentially("Me too.")
    colleague.locator("#reply-text").press("Control+Enter")
    expect(page.locator("[data-comment]")).to_have_count(2)
    page.locator("#reply-text").press("Control+Enter")
    expect(page.locator("#composer-problem")).to_contain_text(WORDS[who][4])
    assert len(desk.comments(ticket)) == 2


@pytest.mark.browser
def test_axe_finds_nothing_in_the_composer(patient_desk: Desk, open_page: OpenPage) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed (npm ci with development packages)")
    ticket = patient_desk.opens_ticket("unknown@t22.sandbox.test", "Kim")
    patient_desk.settles(ticket)
    page = opened(patient_desk, open_page, "agent", ticket)
    page.locator("#reply-text").press_sequentially("Looks fine")
    page.locator("[data-file-input]").set_input_files(
        [{"name": "plan.txt", "mimeType": "text/plain", "buffer": b"plan"}]
    )
    expect(page.locator("[data-files] [data-file]")).to_have_count(1)
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run('.ticket__foot').then(result => result.violations)")
    assert [(one["id"], one["nodes"][0]["html"][:120]) for one in found] == []
    page.locator("#who-gets-what").click()
    expect(page.locator("#card")).to_contain_text("the address is marked undeliverable")


@pytest.mark.browser
def test_a_slow_look_at_an_address_holds_no_answer_up(patient_desk: Desk, open_page: OpenPage) -> None:
    ticket = patient_desk.opens_ticket("busy@slow.t20.sandbox.test", "Kim")  # as new as ever: it never takes a mail
    page = patient_desk.signs_in(open_page("en"), "agent")
    page.route("**/addresses/warning*", lambda route: None)  # DNS never answers
    with page.expect_request("**/addresses/warning*"):
        page.goto(f"{patient_desk.url}/tickets/{ticket}")
    expect(page.locator("div#reply-text")).to_be_visible()
    page.locator("#reply-text").press_sequentially("Soon.")
    page.locator("#reply-text").press("Control+Enter")
    expect(page.locator("[data-waiting]")).to_be_visible()


@pytest.mark.browser
@pytest.mark.parametrize(("width", "language"), [(1280, "en"), (375, "de")])
def test_nothing_moves_when_the_editor_comes(desk: Desk, open_page: OpenPage, width: int, language: str) -> None:
    """Seen as a click on a warning that did nothing: it moved between the press and the release."""
    ticket = desk.opens_ticket(f"unknown@{language}.t27.sandbox.test", "Kim")
    desk.settles(ticket)
    page = desk.signs_in(open_page(language, width=width), "agent" if language == "en" else "agent_de")
    held: list[Route] = []
    page.route("**/squire*", lambda route: held.append(route))  # QUIRK: it sets attributes on handlers
    page.goto(f"{desk.url}/tickets/{ticket}")
    warning, log = page.locator("[id^=mail-] [data-warning]"), page.locator("#log")
    eventually(lambda: held or page.wait_for_timeout(20))
    before = warning.bounding_box(), page.locator("#reply-text").bounding_box()
    held[0].continue_()
    expect(page.locator("div#reply-text")).to_be_visible()
    assert (warning.bounding_box(), page.locator("#reply-text").bounding_box()) == before
    assert log.evaluate(GAP_ABOVE) == 0


@pytest.mark.browser
def test_what_is_sent_before_the_editor_has_come_is_whole(patient_desk: Desk, open_page: OpenPage) -> None:
    ticket = patient_desk.opens_ticket("ok@t23.sandbox.test", "Kim")
    page = opened(patient_desk, open_page, "agent", ticket)
    page.keyboard.press("r")
    page.keyboard.type("Dear ")
    page.keyboard.press("Control+b")
    page.keyboard.type("Kim")
    expect(page.locator("#draft-state")).to_contain_text("Draft saved")
    held: list[Route] = []
    page.route("**/squire*", lambda route: held.append(route))  # QUIRK: it sets attributes on handlers
    page.reload()
    text = page.locator("textarea#reply-text")
    expect(text).to_have_value("Dear Kim")
    text.press("Control+Enter")
    expect(page.locator("[data-waiting] b")).to_have_text("Kim")
    eventually(lambda: len(patient_desk.comments(ticket)) == 2)
    assert "<b>Kim</b>" in patient_desk.comments(ticket)[-1]["html_body"]
    text.fill("Typed ")
    for route in held:
        route.continue_()
    expect(page.locator("div#reply-text")).to_be_focused()
    page.keyboard.type("at once.")
    expect(page.locator("div#reply-text")).to_have_text("Typed at once.")


@pytest.mark.browser
def test_ccs_of_a_new_ticket_are_chips_and_m_opens_the_macros(patient_desk: Desk, open_page: OpenPage) -> None:
    desk = patient_desk
    page = opened(desk, open_page, "agent", desk.opens_ticket("ok@t24.sandbox.test", "Kim"))
    page.keyboard.press("m")
    expect(page.locator("[data-macro-filter]")).to_be_focused()
    page.goto(f"{desk.url}/tickets/new")
    page.locator("#requester").fill("new@t24.sandbox.test")
    page.locator("#subject").fill("With company")
    for count, name in enumerate(("one", "two"), start=1):
        page.locator("#cc-add").fill(f"{name}@t24.sandbox.test")
        page.locator("#cc-add").press("Enter")
        expect(page.locator(".chip")).to_have_count(count)
    page.locator("div#reply-text").press_sequentially("Hello all")
    page.locator("#cc-add").fill("three@t24.sandbox.test")  # and no Enter: it counts all the same
    page.get_by_role("button", name="Open ticket").click()
    page.wait_for_url(re.compile(r"/tickets/\d+"))
    assert desk.recipients(int(page.url.rpartition("/")[2])).keys() == {
        f"{name}@t24.sandbox.test" for name in ("new", "one", "two", "three")
    }
