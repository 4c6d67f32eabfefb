"""A customer has two profiles: mail to the one fails, the other is suggested, they become one, the answer arrives."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.conftest import OpenPage
from tests.journeys.conftest import Desk

WORDS = {
    "agent": (
        "en", "Perhaps the same person", "The other way round", "This cannot be undone.", "Merge for good",
        "is merged into the profile of", "Use another address of this person", "Merge", "Which profile stays?",
        "Goes over",
    ),
    "agent_de": (
        "de", "Vielleicht dieselbe Person", "Andersherum", "Das lässt sich nicht rückgängig machen.",
        "Endgültig zusammenführen", "mit dem Profil von", "Eine andere Adresse dieser Person verwenden",
        "Zusammenführen", "Welches Profil bleibt?", "Geht über",
    ),
}  # fmt: skip


@pytest.mark.browser
@pytest.mark.parametrize("who", WORDS)
def test_two_profiles_become_one_on_the_way_to_the_customer(desk: Desk, open_page: OpenPage, who: str) -> None:
    language, perhaps, _, for_good, merge, merged, use_other, *_ = WORDS[who]
    domain, name = f"{who.replace('_', '')}.t17.sandbox.test", f"Hanna Berg {language}"
    other = desk.opens_ticket(f"hanna.{language}@{domain}", name, subject="Earlier")
    ticket = desk.opens_ticket(f"unknown@{domain}", name)
    for number in (other, ticket):
        desk.settles(number)
    page = desk.signs_in(open_page(language, width=375 if language == "de" else 1280), who)

    page.goto(f"{desk.url}/tickets/{ticket}")
    page.locator("[id^=mail-] [data-warning]").click()
    suggestion = page.locator("#card .lookalikes")
    expect(suggestion).to_contain_text(perhaps)
    suggestion.get_by_role("link", name=name).click()
    expect(page.get_by_text(for_good)).to_be_visible()
    expect(page.locator(".merge-sides")).to_contain_text(f"unknown@{domain}")
    expect(page.locator(".merge-sides")).to_contain_text(f"hanna.{language}@{domain}")
    page.get_by_role("button", name=merge).click()

    page.wait_for_url(f"{desk.url}/tickets/{ticket}")  # back where the failure is
    expect(page.get_by_text(merged)).to_be_visible()
    page.locator("[id^=mail-] [data-warning]").click()
    form = page.locator("#card form", has=page.get_by_label(use_other))
    form.get_by_role("button").click()
    expect(page.locator("[data-banner]")).to_have_count(0)
    assert desk.deliveries(ticket)[f"hanna.{language}@{domain}"]["state"] == "accepted"
    assert {desk.call("GET", f"tickets/{one}")["ticket"]["requester_id"] for one in (other, ticket)} == {
        person_of(desk, other)
    }


@pytest.mark.browser
@pytest.mark.parametrize("who", WORDS)
def test_a_profile_is_found_and_turned_round(desk: Desk, open_page: OpenPage, who: str) -> None:
    """By keyboard: search the other one, exchange who stays, merge; the old address of the profile leads on."""
    language, _, turn, for_good, merge, merged, _, begin, which, goes = WORDS[who]
    domain = f"{who.replace('_', '')}.t18.sandbox.test"
    first = desk.opens_ticket(f"h.berg@{domain}", f"H. Berg {language}")
    second = desk.opens_ticket(f"hb@{domain}", f"Office Berg {language}")
    stays, gone = person_of(desk, first), person_of(desk, second)
    page = desk.signs_in(open_page(language), who)

    page.goto(f"{desk.url}/customers/{stays}")
    presses(page, page.get_by_role("link", name=begin, exact=True))
    expect(page.get_by_role("heading", name=which)).to_be_visible()
    page.locator("#merge-q").focus()
    page.keyboard.type(f"office berg {language}")
    page.keyboard.press("Enter")
    presses(page, page.locator(".merge-row__link"))
    expect(page.get_by_role("region", name=goes)).to_contain_text(f"h.berg@{domain}")
    presses(page, page.get_by_role("link", name=turn))
    expect(page.get_by_role("region", name=goes)).to_contain_text(f"hb@{domain}")
    expect(page.get_by_text(for_good)).to_be_visible()
    presses(page, page.get_by_role("button", name=merge))

    page.wait_for_url(f"{desk.url}/customers/{stays}")
    expect(page.get_by_text(merged)).to_be_visible()
    expect(page.locator("#identities")).to_contain_text(f"hb@{domain}")
    page.goto(f"{desk.url}/customers/{gone}")
    page.wait_for_url(f"{desk.url}/customers/{stays}")
    assert person_of(desk, second) == stays


def person_of(desk: Desk, ticket: int) -> int:
    return int(desk.call("GET", f"tickets/{ticket}")["ticket"]["requester_id"])


def presses(page: Page, what: Locator) -> None:
    what.focus()
    page.keyboard.press("Enter")
