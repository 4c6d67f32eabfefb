"""A relay refuses everything for a while: more answers fail than a page shows, and are recovered in one go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from playwright.sync_api import expect

from tests.conftest import OpenPage
from tests.journeys.conftest import Desk, eventually, free_port, running_desk

WITHIN = 240  # seconds; a busy machine takes long, and only a failing test waits
REFUSAL = "554 5.7.1 Relay access denied"
# language -> tickets hit, and what the agent reads
WORDS = {
    "agent": ("en", 120, "Send again", "120 mails will be sent again", "Outages", "120 of 120"),
    "agent_de": ("de", 20, "Erneut senden", "20 Mails werden erneut gesendet", "Ausfälle", "20 von 20"),
}


@dataclass
class Relay:
    """Refuses every recipient while it is down."""

    down: bool = False
    taken: list[str] = field(default_factory=list)

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.down:
            return REFUSAL
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.taken += envelope.rcpt_tos
        return "250 2.0.0 Ok: queued"


@pytest.fixture(scope="module")
def relay() -> Iterator[tuple[Relay, int]]:
    handler = Relay()
    controller = Controller(handler, hostname="127.0.0.1", port=free_port())
    controller.start()
    assert controller.server
    yield handler, controller.server.sockets[0].getsockname()[1]
    controller.stop()


@pytest.fixture(scope="module")
def outage_desk(relay: tuple[Relay, int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("outage") / "data"
    with running_desk(folder, "--empty", RELAY_URL=f"smtp://127.0.0.1:{relay[1]}?tls=none") as desk:
        yield desk


def goes_down_while_tickets_are_opened(desk: Desk, relay: Relay, count: int, domain: str) -> None:
    relay.down = True
    for number in range(count):
        desk.opens_ticket(f"ok{number}@{domain}", f"Customer {number}", subject=f"Order {number}")

    def all_failed() -> bool:
        return bool(desk.call("GET", "search", query="delivery:open", per_page="1")["count"] >= count)

    eventually(all_failed, within=WITHIN)
    relay.down = False


@pytest.mark.browser
@pytest.mark.parametrize("who", WORDS)
def test_an_outage_is_recovered_in_bulk(
    outage_desk: Desk, relay: tuple[Relay, int], open_page: OpenPage, who: str
) -> None:
    language, count, action, foreseen, outages, reached = WORDS[who]
    domain = f"{language}.t11.sandbox.test"
    goes_down_while_tickets_are_opened(outage_desk, relay[0], count, domain)
    page = outage_desk.signs_in(open_page(language), who)
    page.goto(f"{outage_desk.url}/delivery/failures")
    expect(page.get_by_role("heading", name=outages)).to_be_visible()
    page.locator("[data-group=outage]").first.get_by_role("button", name=action).click()
    expect(page.locator("#foreseen")).to_contain_text(foreseen)
    page.locator("#bulk").get_by_role("button", name=action).click()
    bar = page.get_by_role("progressbar")
    expect(bar).to_be_visible()
    expect(page.locator("#job")).to_have_attribute("data-status", "completed", timeout=WITHIN * 1000)
    expect(page.locator("[data-progress]")).to_have_text(reached)
    assert bar.get_attribute("aria-valuenow") == str(count)
    expect(page.locator("[data-item=done]")).to_have_count(min(count, 100))
    expect(page.locator("#running-jobs")).to_be_hidden()

    def all_arrived() -> bool:
        return sorted(one for one in relay[0].taken if one.endswith(domain)) == sorted(
            f"ok{number}@{domain}" for number in range(count)
        )

    eventually(all_arrived, within=WITHIN)
    page.goto(f"{outage_desk.url}/views/undelivered")
    expect(page.locator("[data-select]")).to_have_count(0)
