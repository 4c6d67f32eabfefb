"""One accepted, one unknown, one full: said alike by the command line, the API and the page, in both languages."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.conftest import OpenPage
from tests.journeys.conftest import Desk

TAG = "system_email_notification_failure"
WORDS = {
    "agent": {
        "language": "en",
        "banner": "Failed to deliver to some recipients",
        "icon": "Warning icon: not delivered to {}, show cause",
        "view": "Undelivered replies",
        "events": "Events",
        "section": "Email notification",
        "trigger": "Notify requester and CCs of new proactive ticket",
    },
    "agent_de": {
        "language": "de",
        "banner": "Zustellung an einige Empfänger fehlgeschlagen",
        "icon": "Warnsymbol: nicht zugestellt an {}, Ursache anzeigen",
        "view": "Nicht zugestellte Antworten",
        "events": "Ereignisse",
        "section": "E-Mail-Benachrichtigung",
        "trigger": "Anfragenden und CCs über neues proaktives Ticket benachrichtigen",
    },
}


def sent(desk: Desk, domain: str) -> int:
    ccs = {f"unknown@{domain}": "Udo Unbekannt", f"full@{domain}": "Fritz Voll"}
    ticket = desk.opens_ticket(f"ok@{domain}", "Käthe Ölmann", ccs, subject=f"Order for {domain}")
    desk.settles(ticket)
    return ticket


@pytest.mark.both_databases
def test_each_recipient_has_its_own_outcome(desk: Desk) -> None:
    domain = "t02.sandbox.test"
    ticket = sent(desk, domain)
    told = {address: (one["state"], one["smtp_code"], one["enhanced_code"]) for address, one in
            desk.deliveries(ticket).items() if address.endswith(domain)}  # fmt: skip
    assert told == {
        f"ok@{domain}": ("accepted", 250, "2.0.0"),
        f"unknown@{domain}": ("failed", 550, "5.1.1"),
        f"full@{domain}": ("failed", 552, "5.2.2"),
    }
    shown = desk.recipients(ticket)
    assert {address: shown[address]["delivery_status"]["name"] for address in told} == {
        f"ok@{domain}": "delivered",
        f"unknown@{domain}": "user_does_not_exist",
        f"full@{domain}": shown[f"full@{domain}"]["delivery_status"]["name"],
    }
    assert shown[f"full@{domain}"]["delivery_status"]["code"].startswith("552")
    assert shown[f"full@{domain}"]["answerback"]["cause"] == "mailbox_full"


@pytest.mark.browser
@pytest.mark.parametrize("who", WORDS)
def test_page_says_who_was_not_reached(desk: Desk, open_page: OpenPage, who: str) -> None:
    words, domain = WORDS[who], f"{who.replace('_', '')}.t02.sandbox.test"
    ticket = sent(desk, domain)
    page = desk.signs_in(open_page(words["language"]), who)
    page.goto(f"{desk.url}/tickets/{ticket}")
    expect(page.get_by_role("status").filter(has_text=words["banner"])).to_be_visible()
    strip = page.locator("[id^=mail-]")
    for name in ("Udo Unbekannt", "Fritz Voll"):
        expect(strip.get_by_role("button", name=words["icon"].format(name))).to_be_visible()
    expect(strip.locator("[data-warning]")).to_have_count(2)
    expect(page.locator("#open-failures")).to_contain_text("550 5.1.1")
    expect(page.get_by_text(TAG)).to_be_visible()
    page.get_by_role("button", name=words["events"]).click()
    expect(page.get_by_text(words["section"]).first).to_be_visible()
    expect(page.get_by_text(words["trigger"]).first).to_be_visible()
    page.get_by_role("link", name=words["view"], exact=False).first.click()
    expect(page.get_by_role("link", name=f"Order for {domain}")).to_be_visible()
    for query in (f"tags:{TAG}", "delivery:open", f"recipient:full@{domain}"):
        page.goto(f"{desk.url}/search?q={query}")
        expect(page.get_by_role("link", name=f"Order for {domain}")).to_be_visible()
