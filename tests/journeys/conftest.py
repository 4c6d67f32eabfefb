"""The whole product as its users meet it: a demo process, its SMTP door, its API and its pages.

One desk for each test process, as long as these tests go on. Addresses decide their fate by their local part
(docs/sandbox.md); each story has a domain of its own, so that stories do not disturb each other.
"""

from __future__ import annotations

import json
import os
import smtplib
import socket
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Page

from tests.template_database import begin_with_tables, create_database

READY = "Answerback is ready:"
START_WITHIN = 240  # seconds; only a desk that does not start waits that long, however loaded the machine


@dataclass(frozen=True)
class Desk:
    """A running product, and the voices that speak to it."""

    folder: Path
    credentials: dict[str, Any]

    @property
    def url(self) -> str:
        return str(self.credentials["base_url"])

    @property
    def support(self) -> str:
        return str(self.credentials["support_address"])

    def call(self, method: str, path: str, body: Any = None, **query: str) -> Any:
        """One API request as the admin; the JSON of the answer."""
        api = self.credentials["api"]
        secret = b64encode(f"{api['email']}/token:{api['token']}".encode()).decode()
        request = Request(
            f"{self.url}/api/v2/{path}" + (f"?{urlencode(query)}" if query else ""),
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Basic {secret}", "Content-Type": "application/json"},
        )
        try:
            with urlopen(request, timeout=20) as answer:
                return json.load(answer)
        except HTTPError as error:
            pytest.fail(f"{method} {path}: {error.code} {error.read().decode()[:500]}")

    def opens_ticket(self, to: str, name: str, ccs: dict[str, str] | None = None, subject: str = "Your order") -> int:
        """An agent writes first; the ticket's number."""
        ticket = {
            "subject": subject,
            "comment": {"body": "It has left our house today."},
            "requester": {"email": to, "name": name},
            "email_ccs": [{"user_email": cc, "user_name": who} for cc, who in (ccs or {}).items()],
        }
        return int(self.call("POST", "tickets", {"ticket": ticket})["ticket"]["id"])

    def customer_sends(self, mail: EmailMessage, to: str = "", envelope_from: str = "") -> None:
        host, port = self.credentials["smtp"].split(":")
        with smtplib.SMTP(host, int(port), timeout=20) as smtp:
            smtp.send_message(mail, envelope_from or mail["From"], [to or self.support])

    def ticket_of(self, requester: str) -> int:
        """The number of the customer's newest ticket, once it is there."""

        def find() -> Any:
            return self.call("GET", "search", query=f"requester:{requester} order_by:created")["results"]

        return int(eventually(find)[0]["id"])

    def comments(self, ticket: int) -> list[dict[str, Any]]:
        return list(self.call("GET", f"tickets/{ticket}/comments")["comments"])

    def recipients(self, ticket: int) -> dict[str, dict[str, Any]]:
        """What the API says of each address of the ticket's notifications."""
        found = self.call("GET", "email_notifications", **{"filter[ticket_id]": str(ticket)})
        return {one["email_address"]: one for row in found["email_notifications"] for one in row["recipients"]}

    def deliveries(self, ticket: int) -> dict[str, dict[str, Any]]:
        """What `answerback deliveries --jsonl` says of the ticket, by recipient."""
        return {row["recipient"]: row for row in self.prints("deliveries", "--jsonl", "--ticket", str(ticket))}

    def prints(self, *command: str) -> list[dict[str, Any]]:
        """The JSON lines of a command."""
        ended = subprocess.run(
            [*PRODUCT, *command], env=_environment(self.folder), capture_output=True, text=True, check=True
        )
        return [json.loads(line) for line in ended.stdout.splitlines()]

    def tags(self, ticket: int) -> list[str]:
        return list(self.call("GET", f"tickets/{ticket}")["ticket"]["tags"])

    def settles(self, ticket: int) -> dict[str, dict[str, Any]]:
        """The same once nothing is on its way."""

        def all_settled() -> Any:
            found = self.recipients(ticket)
            states = {one["answerback"]["state"] for one in found.values()}
            return found if found and not states & {"queued", "sending"} else None

        return dict(eventually(all_settled))

    def signs_in(self, page: Page, who: str) -> Page:
        page.goto(f"{self.url}/sign-in")
        page.fill("input[name=username]", self.credentials[who]["email"])
        page.fill("input[name=password]", self.credentials[who]["password"])
        page.locator("form.form button").click()
        page.wait_for_url(lambda url: "/sign-in" not in url)
        return page

    def speaks(self, page: Page, language: str) -> None:
        """Whoever is signed in reads the pages in `language` from now on."""
        button = page.locator(f"form[action='/profile/language'] button[value={language}]")
        if button.count():
            button.evaluate("button => button.click()")
            page.wait_for_selector(f"html[lang={language}]")


PRODUCT = (sys.executable, "-c", "from answerback.cli import main; main()")


@pytest.fixture(scope="package")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with running_desk(tmp_path_factory.mktemp("desk") / "data", "--empty", RETRY_SCHEDULE="2,3,5") as running:
        yield running


@contextmanager
def running_desk(folder: Path, *options: str, **settings: str) -> Iterator[Desk]:
    """A demo of its own in `folder`, with options of `answerback demo` and settings without their prefix.

    A traceback in its log fails whoever used it.
    """
    log = folder.with_suffix(".log")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    begin_with_tables(folder / "answerback.sqlite3")
    ports = [free_port(), free_port()]
    arguments = ["--data", str(folder), "--http", f"127.0.0.1:{ports[0]}", "--smtp", f"127.0.0.1:{ports[1]}"]
    settings = {"UNDO_SECONDS": "0"} | settings  # what is sent is there at once
    environment = _environment(folder) | {f"ANSWERBACK_{name}": value for name, value in settings.items()}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*PRODUCT, "demo", *options, *arguments, *_database()], env=environment, stdout=output, stderr=output
        )
    try:
        _wait_until_ready(process, log)
        yield Desk(folder, json.loads((folder / "credentials.json").read_text()))
    finally:
        process.terminate()
        process.wait(20)
    said = log.read_text(errors="replace")
    assert "Traceback" not in said, said[-4000:]


def eventually(look: Any, within: float = 40) -> Any:
    """What `look` gives once it gives something."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.1)
    return pytest.fail(f"did not come true within {within:.0f} s: {look.__name__}, last {look()!r}")


def _environment(folder: Path) -> dict[str, str]:
    """Without the settings of the test run itself."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSWERBACK_", "DJANGO_"))}
    database = _database()
    return kept | {"ANSWERBACK_DATA_DIR": str(folder)} | ({"ANSWERBACK_DATABASE_URL": database[1]} if database else {})


def _database() -> list[str]:
    """On PostgreSQL a database of this process's own."""
    if os.environ.get("ANSWERBACK_TEST_DATABASE") != "postgresql":
        return []
    return ["--database", create_database(f"journeys_{os.getpid()}")]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_WITHIN
    while READY not in log.read_text(errors="replace"):
        if process.poll() is not None or time.monotonic() > end:
            pytest.fail(f"the demo did not start: {log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.1)
