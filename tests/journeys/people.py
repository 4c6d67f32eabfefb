"""Who the stories are about: customers, who write and read mail, and agents, who look at pages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import make_msgid
from pathlib import Path

from playwright.sync_api import FrameLocator, Locator, Page, expect

from answerback.sandbox import mailboxes
from mailroom import message
from mailroom.message import Mail
from tests.journeys.product import Json, Product, eventually

FAILURE_TAG = "system_email_notification_failure"


@dataclass(frozen=True)
class Customer:
    """Somebody with a mailbox in the played internet. The local part of the address is their fate."""

    product: Product
    name: str
    address: str

    def writes(self, subject: str, text: str = "Could you help me, please?") -> int:
        """A plain mail to the desk. Answers the number of the ticket it became."""
        mail = EmailMessage(policy=SMTP)
        mail["Subject"] = subject
        mail.set_content(text)
        return self.sends(mail)

    def sends(self, mail: EmailMessage) -> int:
        """A mail of one's own making, From and To filled in. Answers the number of the ticket it became."""
        known = {ticket["id"] for ticket in self.tickets()}
        self.posts(mail)
        fresh = eventually(lambda: self._new_tickets(known), f"a ticket of {self.address}")
        return int(fresh[0]["id"])

    def posts(self, mail: EmailMessage, recipient: str = "", mail_from: str | None = None) -> None:
        """Hand the mail in, without asking what becomes of it."""
        for field, value in [
            ("From", f"{self.name} <{self.address}>"),
            ("To", recipient or self.product.support_address),
            ("Message-ID", make_msgid(domain=self.address.rpartition("@")[2])),
        ]:
            if field not in mail:
                mail[field] = value
        envelope_from = self.address if mail_from is None else mail_from
        self.product.post(envelope_from, [recipient or self.product.support_address], mail.as_bytes())

    def tickets(self) -> list[Json]:
        """Tickets that this customer asked for."""
        found: list[Json] = self.product.api("GET", "search.json", query=f"requester:{self.address}")["results"]
        return found

    def got(self, subject: str = "", text: str = "") -> Mail:
        """The newest mail in the mailbox whose subject and text contain the words, once it is there."""
        return eventually(
            lambda: next((mail for mail in self.mails() if subject in mail.subject and text in mail.text), None),
            f"a mail to {self.address} with {subject!r} {text!r}",
        )

    def mails(self) -> list[Mail]:
        """All mails that were accepted for this mailbox, the newest first."""
        return [message.parse(path.read_bytes()) for path in sorted(self._folder.glob("*.eml"), reverse=True)]

    def tries(self) -> list[Json]:
        """What was tried to be delivered here, refused or not: the oldest first."""
        return [json.loads(path.read_text("utf-8")) for path in sorted(self._folder.glob("*.json"))]

    @property
    def mailbox_name(self) -> str:
        """How the pages of the played internet call the mailbox."""
        return mailboxes.name_of(self.address)

    @property
    def _folder(self) -> Path:
        return self.product.mailboxes / self.mailbox_name

    def _new_tickets(self, known: Iterable[int]) -> list[Json]:
        return [ticket for ticket in self.tickets() if ticket["id"] not in known]


class Agent:
    """Somebody signed in at the workspace, with a browser page. `word` chooses between English and German."""

    def __init__(self, product: Product, page: Page, language: str) -> None:
        self.product, self.page, self.language = product, page, language

    def word(self, english: str, german: str) -> str:
        return {"en": english, "de": german}[self.language]

    def goes(self, path: str) -> None:
        self.page.goto(f"{self.product.url}{path}")

    def opens(self, ticket: int) -> None:
        """The page of a ticket, with its line of changes open."""
        self.goes(f"/tickets/{ticket}")
        expect(self.page.get_by_role("heading", level=1)).to_contain_text(f"#{ticket} ")
        self.listens()

    def listens(self) -> None:
        """Wait until the page hears of changes."""
        expect(self.page.locator("html[data-live=on]")).to_be_attached()

    def stays(self) -> None:
        """Remember this page, so that `has_stayed` can tell whether it was loaded again."""
        self.page.evaluate("window.__stayed = true")

    def has_stayed(self) -> None:
        assert self.page.evaluate("window.__stayed === true"), "the page was loaded again"

    # The conversation

    def comment(self, text: str) -> Locator:
        return self.page.locator("article[data-comment]").filter(has_text=text)

    def answers(self, text: str) -> None:
        """A public reply, sent as pending."""
        self.composer.get_by_label(self.word("Text", "Text"), exact=True).fill(text)
        self.composer.get_by_role("button", name=self.word("Send as pending", "Als wartend senden")).click()
        expect(self.comment(text)).to_be_visible()

    @property
    def composer(self) -> Locator:
        return self.page.get_by_role("region", name=self.word("Answer", "Antwort"), exact=True)

    def mail_frame(self, name: str) -> FrameLocator:
        return self.page.frame_locator(f'iframe[title="{self.word("Mail from", "Mail von")} {name}"]')

    def recipient(self, customer: Customer, comment: str = "") -> Locator:
        """The line of the customer in the recipient strip (of the comment with these words)."""
        place = self.comment(comment) if comment else self.page.locator("#comments")
        return place.locator(f'[data-recipient="{customer.address}"]')

    def warned_of(self, comment: str) -> set[str]:
        """Addresses beside which a warning icon stands in the recipient strip."""
        warnings = self.comment(comment).locator("[data-recipient]").filter(has=self.warning_icons)
        return {str(line.get_attribute("data-recipient")) for line in warnings.all()}

    @property
    def warning_icons(self) -> Locator:
        return self.page.get_by_role("button", name=re.compile(self.word("^Warning icon: ", "^Warnsymbol: ")))

    def banner(self, comment: str) -> Locator:
        """The failure banner under the comment."""
        return self.comment(comment).get_by_role("status")

    @property
    def open_failures(self) -> Locator:
        return self.page.get_by_role("region", name=self.word("Open failures", "Offene Zustellfehler"))

    @property
    def card(self) -> Locator:
        return self.page.get_by_role("dialog")

    def opens_card(self, customer: Customer, comment: str = "") -> Locator:
        """Press the icon beside the recipient."""
        self.recipient(customer, comment).get_by_role("button").click()
        expect(self.card).to_be_visible()
        return self.card

    def presses(self, english: str, german: str, within: Locator | None = None) -> None:
        (within or self.page).get_by_role("button", name=self.word(english, german), exact=True).click()

    # The rest of the page

    def tag(self, name: str) -> Locator:
        return self.page.locator("#ticket-fields").get_by_role("link", name=name, exact=True)

    def expect_failure_tag(self) -> None:
        expect(self.tag(FAILURE_TAG)).to_be_visible()

    def expect_no_failure_tag(self) -> None:
        expect(self.tag(FAILURE_TAG)).to_have_count(0)

    def shows_events(self) -> Locator:
        """Switch to the events. Answers their section."""
        self.page.get_by_role("button", name=self.word("Events", "Ereignisse"), exact=True).click()
        events = self.page.get_by_role("region", name=self.word("Events", "Ereignisse"), exact=True)
        expect(events).to_be_visible()
        return events

    def view(self, english: str, german: str) -> Locator:
        """The link of a view in the left column."""
        title = self.word(english, german)
        return self.page.get_by_role("navigation", name=self.word("Views", "Ansichten")).get_by_role(
            "link", name=re.compile(rf"^{re.escape(title)}\s*\d*$")
        )

    def row(self, ticket: int) -> Locator:
        """The line of a ticket in a list."""
        return self.page.locator(f'tr[data-ticket="{ticket}"]')

    def searches(self, query: str) -> None:
        box = self.page.get_by_role("searchbox", name=self.word("Search tickets", "Tickets durchsuchen"))
        box.fill(query)
        box.press("Enter")
        expect(self.page.get_by_role("heading", level=1)).to_contain_text(query)
