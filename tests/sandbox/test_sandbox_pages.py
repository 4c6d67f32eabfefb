"""The mailbox pages, as somebody who tries the demo sees them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from answerback.sandbox import mailboxes
from mailroom import message

pytestmark = pytest.mark.django_db

ADDRESS = "clara@shop.sandbox.test"
HTML_MAIL = (
    b"From: Ada, Acme <support@acme.test>\r\nTo: Clara K\xc3\xa4fer <clara@shop.sandbox.test>\r\n"
    b"Reply-To: support+token@acme.test\r\nSubject: Your order\r\nMessage-ID: <1.x@acme.test>\r\n"
    b'MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary="b"\r\n\r\n'
    b"--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    b'<p onclick="x()">It is <b>ready</b>. <img src="cid:pic"><script>alert(1)</script></p>\r\n'
    b'--b\r\nContent-Type: image/png; name="p.png"\r\nContent-ID: <pic>\r\nContent-Disposition: inline\r\n\r\nPNG\r\n'
    b"--b--\r\n"
)


@pytest.fixture
def box(tmp_path: Path, settings: Any) -> str:
    settings.SANDBOX, settings.SANDBOX_DIR = True, tmp_path
    mailboxes.deliver(ADDRESS, "b-1@acme.test", "ok", "450 4.7.1 later", None)
    mailboxes.deliver(ADDRESS, "b-1@acme.test", "ok", "250 2.0.0 OK", HTML_MAIL)
    return mailboxes.name_of(ADDRESS)


def test_there_is_no_sandbox_outside_the_demo(client: Client, box: str, settings: Any) -> None:
    settings.SANDBOX = False
    for page in ("", "write", box, f"{box}/x", f"{box}/x/html", f"{box}/x/source", f"{box}/x/0"):
        assert client.get(f"/sandbox/{page}").status_code == 404


def test_the_overview_lists_mailboxes_and_fates(client: Client, box: str) -> None:
    page = client.get("/sandbox/").content.decode()
    assert ADDRESS in page
    assert "bounce-later@" in page


def test_a_mailbox_shows_the_newest_mail(client: Client, box: str) -> None:
    page = client.get(f"/sandbox/{box}").content.decode()
    assert "Your order" in page
    assert "450 4.7.1 later" in page
    assert "Answer as this customer" in page


def test_html_is_harmless_and_framed(client: Client, box: str) -> None:
    entry = mailboxes.mailbox(box).messages[0]  # type: ignore[union-attr]
    response = client.get(f"/sandbox/{box}/{entry.key}/html")
    page = response.content.decode()
    assert "<b>ready</b>" in page
    assert "script" not in page
    assert "onclick" not in page
    assert f'src="/sandbox/{box}/{entry.key}/0"' in page
    assert "sandbox" in response["Content-Security-Policy"]
    assert "default-src 'none'" in response["Content-Security-Policy"]
    picture = client.get(f"/sandbox/{box}/{entry.key}/0")
    assert (picture.content, picture["Content-Type"]) == (b"PNG", "image/png")


def test_the_source_is_what_came(client: Client, box: str) -> None:
    entry = mailboxes.mailbox(box).messages[0]  # type: ignore[union-attr]
    assert client.get(f"/sandbox/{box}/{entry.key}/source").content == HTML_MAIL
    assert client.get(f"/sandbox/{box}/{entry.key}/7").status_code == 404
    assert client.get(f"/sandbox/{box}/nothing/source").status_code == 404


def test_answering_goes_out_by_smtp(client: Client, box: str, collecting: Any) -> None:
    entry = mailboxes.mailbox(box).messages[0]  # type: ignore[union-attr]
    response = client.post(f"/sandbox/{box}/{entry.key}/answer", {"text": "Thank you"})
    assert response.status_code == 302
    (mail,) = collecting.wait_for(1)
    assert (mail.mail_from, mail.recipients) == (ADDRESS, ["support+token@acme.test"])
    assert message.parse(mail.content).text.startswith("Thank you\n")


def test_an_empty_answer_comes_back_with_a_word(client: Client, box: str) -> None:
    entry = mailboxes.mailbox(box).messages[0]  # type: ignore[union-attr]
    response = client.post(f"/sandbox/{box}/{entry.key}/answer", {"text": " "})
    assert response.status_code == 200
    assert "field__error" in response.content.decode()


def test_writing_as_a_new_customer(client: Client, box: str, collecting: Any) -> None:
    form = {"sender": "Deniz <deniz@x.sandbox.test>", "recipient": "support@acme.test", "subject": "Hi", "text": "Help"}
    assert client.post("/sandbox/write", form).status_code == 302
    (mail,) = collecting.wait_for(1)
    assert message.parse(mail.content).subject == "Hi"


@pytest.mark.parametrize("sender", ["ada@acme.test", "x@gmail.com", "nonsense"])
def test_only_played_customers_write_here(client: Client, box: str, settings: Any, sender: str) -> None:
    form = {"sender": sender, "recipient": "support@acme.test", "subject": "Hi", "text": "Help"}
    response = client.post("/sandbox/write", form)
    assert response.status_code == 200
    assert "sandbox.test" in response.content.decode()


def test_what_nobody_takes_is_told(client: Client, box: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.SMTP_LISTEN = ("127.0.0.1", 1)
    monkeypatch.setattr("answerback.sandbox.posting.TRIES", 1)
    form = {"sender": "c@x.sandbox.test", "recipient": "support@acme.test", "subject": "Hi", "text": "Help"}
    assert "Connection refused" in client.post("/sandbox/write", form).content.decode()
