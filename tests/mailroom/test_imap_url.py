"""Mailboxes as the setting names them."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.imap_url import Mailbox, mailboxes, url_of
from mailroom.oauth import OAuth

MICROSOFT = "imaps://support%40example.com:s3cret@outlook.office365.com/?auth=microsoft&tenant=T&client_id=C"
GOOGLE = "imaps://support%40example.com:r3fresh@imap.gmail.com/?auth=google&client_id=C&client_secret=S"


def test_a_password_a_folder_and_what_becomes_of_mail() -> None:
    [first, second] = mailboxes(
        "imaps://support%40example.com:p%3Aw@imap.example.com/In%20box?for=help@example.com "
        "imap://reports:pw@127.0.0.1:1143?tls=none&then=move:Done/2026"
    )
    assert first == Mailbox(
        "imap.example.com", 993, "support@example.com", "In box", "p:w", support_address="help@example.com"
    )
    assert second == Mailbox(
        "127.0.0.1", 1143, "reports", "INBOX", "pw", implicit_tls=False, tls="none", then="move", move_to="Done/2026"
    )
    assert [first.name, second.name] == ["imap.example.com/support@example.com/In box", "127.0.0.1/reports/INBOX"]


@pytest.mark.parametrize(
    "url",
    [
        MICROSOFT,
        GOOGLE,
        "imaps://u%40x:p%3Aw%2F%20@h/In%20box%2F2026?for=help@example.com&then=move:Done/2026",
        "imap://u:p@[::1]:1143?tls=none&then=keep",
        "imap://u:t@h?auth=oauth2&token_url=https://id.test/token?a=b%26c&client_id=C&scope=mail",
        "imap://u:t@h?auth=oauth2&token_url=https://id.test/token&client_id=C&client_secret=",
    ],
)
def test_a_mailbox_is_written_as_it_is_read(url: str) -> None:
    [mailbox] = mailboxes(url)
    assert mailboxes(url_of(mailbox)) == [mailbox]


def test_tokens_of_the_usual_providers() -> None:
    [microsoft, google] = mailboxes(f"{MICROSOFT} {GOOGLE}")
    assert microsoft.oauth == OAuth(
        "https://login.microsoftonline.com/T/oauth2/v2.0/token",
        "C",
        "https://outlook.office365.com/.default",
        client_secret="s3cret",
    )
    assert google.oauth == OAuth("https://oauth2.googleapis.com/token", "C", client_secret="S", refresh_token="r3fresh")
    assert microsoft.password == google.password == ""


@pytest.mark.parametrize(
    "url, problem",
    [
        ("pop3://a:secret@host", "not a mailbox: pop3://host"),
        ("imaps://host/INBOX", "not a mailbox"),
        ("imaps://a:secret@", "not a mailbox"),
        ("imaps://a:secret@host:port", "not a port behind imaps://host"),
        ("imaps://a:/secret@host", "not a mailbox: imaps://a "),
        ("imaps://a:?secret@host", "not a mailbox: imaps://a "),
        ("imaps://a:#secret@host", "not a mailbox: imaps://a "),
        ("imaps://a@b.example:secret/@host", "not a port behind imaps://b.example"),
        ("imaps://a:[secret@host", "not a mailbox"),
        ("imaps://a:secret\uff1a@host", "not a mailbox"),
        ("a:secret@host", "not a mailbox: a://"),
        ("imaps://a:secret@host?tls=perhaps", "tls=perhaps is not one of verify, must, none"),
        ("imaps://a:secret@host?then=move", "then=move is not one of"),
        ("imaps://a:secret@host?auth=ntlm", "auth=ntlm is not one of"),
        ("imaps://a:secret@host?auth=microsoft&tenant=T", "auth=microsoft needs client_id"),
        ("imaps://a:secret@host imaps://a:other@host", "host/a/INBOX is named twice"),
    ],
)
def test_what_cannot_be_read_is_said_without_the_password(url: str, problem: str) -> None:
    with pytest.raises(ValueError) as raised:
        mailboxes(url)
    assert problem in str(raised.value)
    assert "secret" not in str(raised.value)


def test_nothing_secret_is_printed() -> None:
    shown = repr(mailboxes(f"imaps://a:secret@host {MICROSOFT} {GOOGLE}"))
    assert not any(word in shown for word in ("secret@", "'secret'", "s3cret", "r3fresh"))


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(ValueError):
        assert all(mailbox.host and mailbox.user for mailbox in mailboxes(text))
