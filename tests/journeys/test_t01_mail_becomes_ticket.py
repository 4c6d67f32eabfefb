"""A German mail with a file, an inline image, a remote image and a script comes in by SMTP."""

from __future__ import annotations

import base64
from email.message import EmailMessage

import pytest
from playwright.sync_api import expect

from tests.conftest import OpenPage
from tests.journeys.conftest import Desk

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAIAAAACUFjqAAAAEklEQVR4nGP4z8CAB+GTG8HSALfKY52fTcuYAAAAAElFTkSuQmCC"
)
HTML = """<p>Guten Tag,</p><p>die <b>Größe</b> passt nicht. <img src="cid:bild@t01"></p>
<img src="http://tracker.t01.sandbox.test/x.png"><script>window.top.__xss = 1</script>
<img src=x onerror="window.top.__xss = 1"><a href="javascript:window.top.__xss=1">hier</a>"""


def mail(sender: str, to: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, to, "Größe der Rechnung"
    message.set_content("Guten Tag,\n\ndie Größe passt nicht.")
    message.add_alternative(HTML, subtype="html")
    message.get_payload()[1].add_related(PIXEL, "image", "png", cid="<bild@t01>")
    message.add_attachment(b"%PDF-1.4\n", maintype="application", subtype="pdf", filename="Rechnung Größe.pdf")
    return message


@pytest.mark.browser
def test_agent_sees_the_mail_and_nothing_of_it_runs(desk: Desk, open_page: OpenPage) -> None:
    desk.customer_sends(
        mail("Käthe Öl <kaethe@t01.sandbox.test>", desk.support), envelope_from="kaethe@t01.sandbox.test"
    )
    ticket = desk.ticket_of("kaethe@t01.sandbox.test")
    page = desk.signs_in(open_page("de"), "agent_de")
    strangers: list[str] = []
    page.on("request", lambda request: None if request.url.startswith(desk.url) else strangers.append(request.url))
    page.goto(f"{desk.url}/tickets/{ticket}")
    expect(page.get_by_role("heading", name="Größe der Rechnung")).to_be_visible()
    frame = page.frame_locator("iframe.mail-frame")
    expect(frame.locator("b")).to_have_text("Größe")
    inline = frame.locator("img").first
    expect(inline).to_be_visible()
    assert inline.evaluate("image => image.naturalWidth") == 10
    expect(page.get_by_role("link", name="Rechnung Größe.pdf")).to_be_visible()
    expect(page.get_by_text("1 Bild aus dem Internet wird nicht gezeigt.")).to_be_visible()
    assert page.evaluate("window.__xss") is None
    assert strangers == []
