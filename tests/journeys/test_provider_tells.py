"""A mail service takes an answer and tells later, by webhook, that it bounced: the page shows it, and who said so."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from playwright.sync_api import expect

from tests.conftest import OpenPage
from tests.journeys.conftest import Desk, eventually, free_port, running_desk

PASSWORD = "answerback:a-password-that-is-long"
WORDS = {
    "agent": ("en", "Not delivered", "told by Postmark", "Show the event as it came"),
    "agent_de": ("de", "Nicht zugestellt", "gemeldet von Postmark", "Ereignis im Original zeigen"),
}


@dataclass
class Postmark:
    """Takes everything, and keeps to itself what it is told in its own headers."""

    taken: dict[str, Message] = field(default_factory=dict)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        self.taken[envelope.rcpt_tos[0]] = message_from_bytes(envelope.content)
        return "250 2.0.0 Ok"

    def bounce(self, recipient: str) -> bytes:
        mail = eventually(lambda: self.taken.get(recipient))
        event = {
            "RecordType": "Bounce",
            "Type": "HardBounce",
            "TypeCode": 1,
            "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
            "Metadata": {"answerback": mail["X-PM-Metadata-answerback"]},
            "Details": "smtp;550 5.1.1 The email account that you tried to reach does not exist",
            "Email": recipient,
            "Inactive": True,
        }
        return json.dumps(event).encode()


@pytest.fixture(scope="module")
def postmark() -> Iterator[tuple[Postmark, int]]:
    service = Postmark()
    controller = Controller(service, hostname="127.0.0.1", port=free_port())
    controller.start()
    assert controller.server
    yield service, controller.server.sockets[0].getsockname()[1]
    controller.stop()


@pytest.fixture(scope="module")
def desk(postmark: tuple[Postmark, int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("provider") / "data"
    relay = f"smtp://127.0.0.1:{postmark[1]}?tls=none"
    with running_desk(folder, "--empty", RELAY_URL=relay, EVENTS_POSTMARK=PASSWORD) as running:
        yield running


def post(desk: Desk, body: bytes, password: str = PASSWORD) -> int:
    credentials = b64encode(password.encode()).decode()
    headers = {"Authorization": f"Basic {credentials}", "Content-Type": "application/json"}
    try:
        with urlopen(Request(f"{desk.url}/hooks/postmark/events", body, headers), timeout=20) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code


@pytest.mark.browser
@pytest.mark.parametrize("who", WORDS)
def test_a_bounce_told_by_webhook(desk: Desk, postmark: tuple[Postmark, int], open_page: OpenPage, who: str) -> None:
    language, title, told, original = WORDS[who]
    address = f"berta@{language}.provider.sandbox.test"
    ticket = desk.opens_ticket(address, "Berta", subject=f"Told {language}")
    assert desk.settles(ticket)[address]["answerback"]["state"] == "accepted"
    page = desk.signs_in(open_page(language), who)
    page.goto(f"{desk.url}/tickets/{ticket}")

    bounce = postmark[0].bounce(address)
    assert post(desk, bounce, "answerback:wrong") == 403
    assert post(desk, bounce) == 200
    assert post(desk, bounce) == 200, "told again, it is known"

    # nobody did anything on the page
    expect(page.locator("[data-banner]")).to_contain_text(title)
    page.locator("[data-card]").first.click()
    card = page.locator("#card")
    expect(card.locator(".card__cause")).to_contain_text(told, ignore_case=True)
    expect(card.locator("dl.facts").first).to_contain_text(told)
    expect(card).to_contain_text("The email account that you tried to reach does not exist")
    card.get_by_role("link", name=original).click()
    expect(page.locator("pre.raw")).to_contain_text("HardBounce")
    expect(page.locator("dl.facts")).to_contain_text(told)

    shown = desk.recipients(ticket)[address]["answerback"]
    assert (shown["state"], shown["told_by"], shown["cause"]) == ("failed", "postmark", "address_unknown")
