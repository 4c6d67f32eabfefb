"""From an empty folder to the finished first steps, by the browser alone: `serve`, and the link that it prints."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import OpenPage
from tests.journeys.conftest import PRODUCT, _environment, eventually, free_port
from tests.mailroom.smtp.scripted_server import NameServer
from tests.outbound import relay_reports
from tests.outbound.hop import listening
from tests.workers.test_way_back_on_the_wire import Relay

MAIL_TAKES = 120_000  # milliseconds; only a failing test waits that long
LINK = re.compile(r"open (http://\S+/setup\?token=\w+)")


@contextmanager
def serving(folder: Path, doorway: int, **settings: str) -> Iterator[str]:
    """`serve` on an empty folder; the link that it prints."""
    http, log = free_port(), folder.with_suffix(".log")
    told = {"HTTP_LISTEN": f"127.0.0.1:{http}", "BASE_URL": f"http://127.0.0.1:{http}"}
    told |= {"SMTP_LISTEN": f"127.0.0.1:{doorway}", "PROBE_EVERY": "0", "CONFIG": str(folder / "none.toml")} | settings
    environment = _environment(folder) | {f"ANSWERBACK_{name}": value for name, value in told.items()}
    with log.open("wb") as output:
        process = subprocess.Popen([*PRODUCT, "serve"], env=environment, stdout=output, stderr=output)
    try:
        yield eventually(lambda: LINK.search(log.read_text(errors="replace")), within=240)[1]
    finally:
        process.terminate()
        process.wait(20)
    assert "Traceback" not in log.read_text(errors="replace")


@pytest.mark.browser
def test_an_empty_machine_is_led_to_a_proven_way_back(tmp_path: Path, open_page: OpenPage) -> None:
    doorway = free_port()
    relay, names = Relay(shape=relay_reports.gmail, doorway=("127.0.0.1", doorway)), NameServer({})
    with listening(names, relay), serving(tmp_path / "data", doorway, RESOLVER=names.address) as link:
        page = open_page()
        begins(page, link)
        says_who_writes(page)
        goes_on(page, "Save and go on")  # mail is handed over
        names_the_relay(page, relay.port)
        looks_at_dns(page)
        watches_a_mail(page)
        proves_the_way_back(page)
        expect(page.locator("h1")).to_have_text("All is set up")
        stranger = open_page()
        stranger.goto(link)
        expect(stranger.locator("h1")).to_have_text("Sign in")
        page.get_by_role("link", name="To the workspace").click()
        page.wait_for_url("**/views/**")


def begins(page: Page, link: str) -> None:
    eventually(lambda: is_there(page, link))
    page.fill("#id_name", "Ines First")
    page.fill("#id_email", "ines@acme.test")
    page.fill("#id_password", "correct horse battery")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Support address")


def is_there(page: Page, link: str) -> Any:
    try:
        return page.goto(link)
    except Exception:  # the web part begins a moment after the link is printed
        return None


def says_who_writes(page: Page) -> None:
    page.fill("#id_address", "support@acme.test")
    page.fill("#id_name", "Acme Support")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("The way in")


def names_the_relay(page: Page, port: int) -> None:
    """Begins with a preset, leaves in the middle, comes back, tries, and saves."""
    page.get_by_role("button", name="Postfix, Exim").click()
    expect(page.locator("#id_host")).to_have_value("127.0.0.1")
    page.fill("#id_port", "1")
    page.locator(".steps button[value=address]").click()
    expect(page.locator("h1")).to_have_text("Support address")
    page.locator(".steps button[value=outgoing]").click()
    expect(page.locator("#id_port")).to_have_value("1")
    page.get_by_role("button", name="Try it").click()
    expect(page.locator("#relay-tried")).to_contain_text("Nobody answers there.")
    page.fill("#id_port", str(port))
    page.get_by_role("button", name="Try it").click()
    expect(page.locator("#relay-tried")).to_contain_text("It takes our mail")
    goes_on(page, "Save and go on")


def looks_at_dns(page: Page) -> None:
    page.fill("#id_mail_domain", "help.acme.test")
    page.fill("#id_return_path_domain", "bounce.acme.test")
    page.get_by_role("button", name="Save and look again").click()
    expect(page.locator("[data-dns=return_path]")).to_contain_text("bounce.acme.test. MX 10 help.acme.test.")
    goes_on(page, "Seen, go on")


def watches_a_mail(page: Page) -> None:
    expect(page.locator("#id_address")).to_have_value("ines@acme.test")
    page.get_by_role("button", name="Send it").click()
    expect(page.locator("#test-state[data-state=accepted]")).to_contain_text("ines@acme.test", timeout=MAIL_TAKES)
    goes_on(page, "Go on")


def proves_the_way_back(page: Page) -> None:
    page.fill("#id_probe_address", "nobody-*@elsewhere.test")
    page.get_by_role("button", name="Probe now").click()
    expect(page.locator("[data-result=returned]")).to_contain_text("Failure reports reach us", timeout=MAIL_TAKES)
    goes_on(page, "Finish")


def goes_on(page: Page, words: str) -> None:
    page.get_by_role("button", name=words, exact=True).click()
