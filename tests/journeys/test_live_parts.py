"""Parts of a page renew themselves when they hear of a change: also while they do so already, never under a click."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import APIResponse, Page, Route, expect

from tests.conftest import OpenPage
from tests.journeys.conftest import Desk, eventually

COUNTS = re.compile(r"/frame/views\?")


@pytest.mark.browser
def test_what_changes_while_a_part_is_being_replaced_is_seen(desk: Desk, open_page: OpenPage) -> None:
    page = desk.signs_in(open_page(), "agent")
    page.goto(f"{desk.url}/views/open")
    expect(page.locator("html[data-live=on]")).to_have_count(1)
    held: list[tuple[Route, APIResponse]] = []
    page.route(COUNTS, lambda route: held.append((route, route.fetch())), times=1)
    opens_and_sees(desk, page, "First")
    eventually(lambda: held or page.wait_for_timeout(20))

    opens_and_sees(desk, page, "Second")  # the list has heard of it, and so have the counts
    with page.expect_response(COUNTS) as late:
        route, old = held[0]
        route.fulfill(response=old)
    assert late.value.ok

    fresh = desk.signs_in(open_page(), "agent")
    fresh.goto(f"{desk.url}/views/open")
    expect(page.locator("#view-list")).to_have_text(fresh.locator("#view-list").inner_text(), use_inner_text=True)


@pytest.mark.browser
def test_a_click_under_way_is_not_lost_when_the_page_renews_itself(desk: Desk, open_page: OpenPage) -> None:
    ticket = desk.opens_ticket("unknown@renewed.sandbox.test", "Rosa")
    desk.settles(ticket)
    page = desk.signs_in(open_page(), "agent")
    page.goto(f"{desk.url}/tickets/{ticket}")
    expect(page.locator("html[data-live=on]")).to_have_count(1)
    warning = page.locator("[id^=mail-] [data-warning]")
    warning.hover()
    page.mouse.down()
    with page.expect_response(re.compile("/live")):
        renames_the_requester(desk, ticket, "Rosa Parker")
    page.wait_for_timeout(100)  # what had come would have been put in its place by now
    page.mouse.up()
    expect(page.locator("#card")).to_be_visible()
    expect(page.locator("[id^=mail-] .recipient__name")).to_have_text("Rosa Parker")


def renames_the_requester(desk: Desk, ticket: int, name: str) -> None:
    person = desk.call("GET", f"tickets/{ticket}")["ticket"]["requester_id"]
    desk.call("PUT", f"users/{person}", {"user": {"name": name}})


def opens_and_sees(desk: Desk, page: Page, subject: str) -> None:
    desk.opens_ticket("ok@live.sandbox.test", "Lea", subject=f"{subject} of live parts")
    expect(page.locator("#tickets").get_by_text(f"{subject} of live parts")).to_be_visible()
