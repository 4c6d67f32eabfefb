"""A mail comes in and becomes a ticket that the agent can read, look at and take files from."""

from __future__ import annotations

import struct
import zlib
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.journeys.conftest import MovesIn
from tests.journeys.people import Agent

pytestmark = pytest.mark.browser

OFFER = b"%PDF-1.4\n% Angebot Nr. 4711\n"


def test_german_mail_with_picture_and_file(agent: Agent, customer: MovesIn, town: str) -> None:
    juergen = customer("Jürgen Müßig", "juergen")
    requested: list[str] = []
    agent.page.on("request", lambda request: requested.append(request.url))

    ticket = juergen.sends(_letter(town))
    agent.opens(ticket)

    expect(agent.page.get_by_role("heading", level=1)).to_contain_text("Rückfrage zur Größe – Übergang")
    letter = agent.mail_frame("Jürgen Müßig")
    expect(letter.get_by_text("Schöne Grüße aus Köln, hier ist das Foto:")).to_be_visible()
    picture = letter.get_by_role("img", name="Foto")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.complete && image.naturalWidth") == 6

    with agent.page.expect_download() as download:
        agent.page.get_by_role("link", name="Angebot für Köln.pdf").click()
    assert download.value.suggested_filename == "Angebot für Köln.pdf"
    assert Path(download.value.path()).read_bytes() == OFFER

    assert not [url for url in requested if "remote" in url]
    expect(
        agent.page.get_by_text(
            agent.word("1 image from the Internet is not shown.", "1 Bild aus dem Internet wird nicht gezeigt.")
        )
    ).to_be_visible()
    with agent.page.expect_request(f"http://images.{town}/remote.png"):
        agent.presses("Show images", "Bilder anzeigen")


def _letter(town: str) -> EmailMessage:
    """As a German mail program writes it: text and HTML, a picture in its place, a picture from elsewhere, a file."""
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = "Rückfrage zur Größe – Übergang"
    mail.set_content("Schöne Grüße aus Köln, hier ist das Foto.", charset="iso-8859-1")
    html = (
        "<p>Schöne Grüße aus Köln, hier ist das Foto:</p><img src='cid:foto@kamera' alt='Foto'>"
        f"<img src='http://images.{town}/remote.png' alt='Werbung' width='40' height='40'>"
    )
    mail.add_alternative(html, subtype="html", charset="iso-8859-1")
    [_, page] = mail.get_payload()  # type: ignore[misc]  # the two alternatives
    page.add_related(_png(6, 4), "image", "png", cid="<foto@kamera>", disposition="inline")  # type: ignore[union-attr]
    mail.add_attachment(OFFER, "application", "pdf", filename="Angebot für Köln.pdf")
    return mail


def _png(width: int, height: int) -> bytes:
    """A picture in one colour."""
    rows = b"".join(b"\0" + b"\x2e\x7d\x32" * width for _ in range(height))
    header = struct.pack("!2I5B", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack("!I", len(data)) + kind + data + struct.pack("!I", zlib.crc32(kind + data)) for kind, data in chunks
    )
