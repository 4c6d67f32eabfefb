"""A report that arrives later, the corrected address, the second answer: all on the open page, without a reload."""

from __future__ import annotations

from email.message import EmailMessage

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import OpenPage
from tests.journeys.conftest import Desk, eventually

TAG = "system_email_notification_failure"
WORDS = {
    "agent": ("en", "Not delivered to Berta", "Correct the address", "Save and resend", "Reply again"),
    "agent_de": (
        "de", "Nicht zugestellt an Berta", "Adresse korrigieren", "Speichern und erneut senden", "Erneut antworten",
    ),
}  # fmt: skip

MISSED = {
    "agent": ("This person never received your answer of", "Include it in the reply"),
    "agent_de": ("Diese Person hat Ihre Antwort vom", "In die Antwort aufnehmen"),
}

ADD = {
    "agent": ("Add another address and make it primary", "Save only"),
    "agent_de": ("Weitere Adresse hinzufügen und zur primären machen", "Nur speichern"),
}


def opened(desk: Desk, open_page: OpenPage, who: str, ticket: int) -> Page:
    page = desk.signs_in(open_page(WORDS[who][0]), who)
    page.goto(f"{desk.url}/tickets/{ticket}")
    page.evaluate("window.__notReloaded = true")
    return page


def is_the_same_page(page: Page) -> bool:
    return page.evaluate("window.__notReloaded") is True


@pytest.mark.browser
@pytest.mark.parametrize("who", WORDS)
def test_bounce_appears_by_itself(desk: Desk, open_page: OpenPage, who: str) -> None:
    address = f"bounce-later@{who.replace('_', '')}.t06.sandbox.test"
    page = desk.signs_in(open_page(WORDS[who][0]), who)
    ticket = desk.opens_ticket(address, "Berta")
    page.goto(f"{desk.url}/tickets/{ticket}")
    page.evaluate("window.__notReloaded = true")
    expect(page.locator(f"[data-recipient='{address}']")).to_have_attribute("data-state", "accepted")
    expect(page.locator("[data-banner]")).to_contain_text(WORDS[who][1])
    expect(page.locator("#ticket-fields")).to_contain_text(TAG)
    assert is_the_same_page(page)


@pytest.mark.browser
@pytest.mark.parametrize("who", WORDS)
def test_corrected_address_puts_it_right(desk: Desk, open_page: OpenPage, who: str) -> None:
    domain = f"{who.replace('_', '')}.t07.sandbox.test"
    ticket = desk.opens_ticket(f"unknown@{domain}", "Berta")
    desk.settles(ticket)
    page = opened(desk, open_page, who, ticket)
    page.locator("[id^=mail-] [data-warning]").click()
    _, _, correct, resend, _ = WORDS[who]
    page.get_by_label(correct).fill(f"berta@{domain}")
    page.get_by_role("button", name=resend).first.click()
    expect(page.locator("[data-banner]")).to_have_count(0)
    expect(page.locator("#open-failures")).to_be_hidden()
    expect(page.locator("#ticket-fields")).not_to_contain_text(TAG)
    assert is_the_same_page(page)
    told = desk.deliveries(ticket)
    assert told[f"unknown@{domain}"]["resolved"] is True
    assert told[f"berta@{domain}"]["message_id"] == told[f"unknown@{domain}"]["message_id"]


@pytest.mark.browser
@pytest.mark.parametrize("who", WORDS)
def test_second_answer_to_another_address_puts_it_right(desk: Desk, open_page: OpenPage, who: str) -> None:
    domain = f"{who.replace('_', '')}.t08.sandbox.test"
    ticket = desk.opens_ticket(f"full@{domain}", "Berta")
    desk.settles(ticket)
    page = opened(desk, open_page, who, ticket)
    page.locator("[id^=mail-] [data-warning]").click()
    page.get_by_label(ADD[who][0]).fill(f"berta@{domain}")
    page.get_by_role("button", name=ADD[who][1]).first.click()
    expect(page.locator("#card")).to_be_hidden()
    page.locator("[id^=mail-] [data-warning]").click()
    page.get_by_role("button", name=WORDS[who][4]).click()
    expect(page.locator("#reply-text")).to_have_text("It has left our house today.")
    expect(page.locator("#reply-text[role=textbox]")).to_be_visible()  # the editor has come
    page.locator("#reply-text").press("Control+Enter")
    expect(page.locator("[data-comment]")).to_have_count(2)
    expect(page.locator("#open-failures")).to_be_hidden(timeout=15_000)
    expect(page.locator("#ticket-fields")).not_to_contain_text(TAG)
    assert desk.deliveries(ticket)[f"full@{domain}"]["resolved"] is True


@pytest.mark.browser
@pytest.mark.parametrize("who", WORDS)
def test_missed_answer_rides_along_when_the_customer_writes_again(desk: Desk, open_page: OpenPage, who: str) -> None:
    domain = f"{who.replace('_', '')}.t09.sandbox.test"
    failed = desk.opens_ticket(f"full@{domain}", "Berta")
    desk.settles(failed)
    page = opened(desk, open_page, who, failed)
    page.locator("#open-failures [data-card]").click()
    page.get_by_label(ADD[who][0]).fill(f"berta@{domain}")
    page.get_by_role("button", name=ADD[who][1]).first.click()
    expect(page.locator("#card")).to_be_hidden()
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = f"Berta <berta@{domain}>", desk.support, "Still waiting"
    mail.set_content("Where is my answer?")
    desk.customer_sends(mail)
    [later] = eventually(lambda: {desk.ticket_of(f"berta@{domain}")} - {failed})
    page.goto(f"{desk.url}/tickets/{later}")
    words, include = MISSED[who]
    expect(page.locator("#missed-answers")).to_contain_text(words)
    page.get_by_role("button", name=include).click()
    expect(page.locator("#reply-form [name=replaces]")).to_have_count(1)
    page.locator("[data-send]").click()
    expect(page.locator("#missed-answers")).to_be_hidden()
    eventually(lambda: TAG not in desk.tags(failed))
    assert desk.deliveries(failed)[f"full@{domain}"]["resolved"] is True
