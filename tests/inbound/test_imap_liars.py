"""IMAP servers that drop, lie or never answer: each has a name, and takes neither the process nor a mail along."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.mailroom.token_server import token_server
from tests.world import make_world

from answerback.inbound import fetching, imap_session
from answerback.inbound.imap_session import MailboxTroubleError, open_folder
from answerback.store.mailboxes import Trouble
from answerback.store.models import RawMail
from mailroom.imap_url import Mailbox
from mailroom.oauth import OAuth

GREETING = b"* OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2] ready\r\n"
SELECTED = b"* 3 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT 4] ok\r\n"
Answer = Callable[[str], bytes | None]  # what to say before "OK" to a command; None: hang up


@contextmanager
def serving(answer: Answer, greeting: bytes = GREETING) -> Iterator[Mailbox]:
    """A server that says "OK" to everything, after whatever `answer` wants."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=_serve, args=(listening, answer, greeting), daemon=True)
        thread.start()
        port = listening.getsockname()[1]
        yield Mailbox("127.0.0.1", port, "u", password="p", implicit_tls=False, tls="none")


def _serve(listening: socket.socket, answer: Answer, greeting: bytes) -> None:
    try:
        while True:
            link, _ = listening.accept()
            with link, link.makefile("rb") as lines:
                link.sendall(greeting)
                for line in lines:
                    tag, _, command = line.decode("latin-1").strip().partition(" ")
                    said = answer(command)
                    if said is None:
                        break
                    link.sendall(said if said.startswith(b"+") else said + f"{tag} OK done\r\n".encode())
    except OSError:
        return


def _plain(command: str) -> bytes | None:
    return {"SELECT": SELECTED, "CAPABILITY": b"* CAPABILITY IMAP4rev1\r\n"}.get(command.partition(" ")[0], b"")


def _fetch(mailbox: Mailbox) -> int:
    with open_folder(mailbox) as session:
        return fetching.fetch_new(session, mailbox)


def _trouble(mailbox: Mailbox) -> str:
    with pytest.raises(MailboxTroubleError) as raised:
        _fetch(mailbox)
    assert raised.value.said
    return raised.value.trouble


@pytest.fixture
def world(transactional_db: None, data_dir: Path) -> None:
    make_world()


@pytest.mark.parametrize(
    "greeting, trouble",
    [
        (b"220 this is SMTP\r\n", Trouble.NETWORK),
        (b"* BYE overloaded\r\n", Trouble.PROTOCOL),
        (b"\xff\xfe\r\n", Trouble.NETWORK),
        (b"* OK " + b"x" * 2_000_000 + b"\r\n", Trouble.PROTOCOL),
    ],
)
def test_what_is_no_greeting(greeting: bytes, trouble: str, world: None) -> None:
    with serving(_plain, greeting) as mailbox:
        assert _trouble(mailbox) == trouble


@pytest.mark.parametrize("said", [b"", b"* 3 EXISTS\r\n", b"* OK [UIDVALIDITY x] ok\r\n"])
def test_a_folder_that_does_not_number_its_mail(said: bytes, world: None) -> None:
    with serving(lambda command: said if command.startswith("SELECT") else b"") as mailbox:
        assert _trouble(mailbox) == Trouble.PROTOCOL


def test_a_server_that_never_answers_is_left(world: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imap_session, "TIMEOUT", 0.2)
    with serving(lambda command: b"+ wait\r\n" if command.startswith("LOGIN") else b"") as mailbox:
        assert _trouble(mailbox) in (Trouble.NETWORK, Trouble.PROTOCOL)


@pytest.mark.parametrize("at", ["LOGIN", "SELECT", "UID SEARCH", "UID FETCH"])
def test_a_server_that_hangs_up(at: str, world: None) -> None:
    def answer(command: str) -> bytes | None:
        if command.startswith(at):
            return None
        return b"* SEARCH 1 2 3\r\n" if command.startswith("UID SEARCH") else _plain(command)

    with serving(answer) as mailbox:
        assert _trouble(mailbox) == Trouble.NETWORK
    assert not RawMail.objects.exists()


@pytest.mark.parametrize(
    "sizes, bodies",
    [
        (b"* 1 FETCH (UID 1 RFC822.SIZE 5)\r\n", b""),  # gone meanwhile
        (b"* 1 FETCH (UID 1 RFC822.SIZE 5)\r\n", b"* 1 FETCH (UID 9 BODY[] {5}\r\nHello)\r\n"),  # another one
        (b"* 1 FETCH (UID 1 RFC822.SIZE 5)\r\n", b"* 1 FETCH (UID 1 BODY[] NIL)\r\n"),
        (b"* 1 FETCH (UID 1)\r\n", b""),
        (b"", b""),
    ],
)
def test_a_message_that_is_not_given_is_not_made_up(sizes: bytes, bodies: bytes, world: None) -> None:
    def answer(command: str) -> bytes | None:
        if command.startswith("UID SEARCH"):
            return b"* SEARCH 1\r\n"
        if command.startswith("UID FETCH"):
            return sizes if "RFC822.SIZE" in command else bodies
        return _plain(command)

    with serving(answer) as mailbox:
        assert _fetch(mailbox) == 0
    assert not RawMail.objects.exists()


def test_old_mail_named_as_new_is_not_taken_again(world: None) -> None:
    def answer(command: str) -> bytes | None:
        if command.startswith("UID SEARCH"):
            return b"* SEARCH 3 1 2 3\r\n"  # whatever was asked
        if "RFC822.SIZE" in command:
            return b"".join(b"* %d FETCH (UID %d RFC822.SIZE 5)\r\n" % (uid, uid) for uid in (1, 2, 3))
        if command.startswith("UID FETCH"):
            return b"".join(b"* %d FETCH (UID %d BODY[] {5}\r\nHello)\r\n" % (uid, uid) for uid in (1, 2, 3))
        return _plain(command)

    with serving(answer) as mailbox:
        assert [_fetch(mailbox), _fetch(mailbox)] == [3, 0]


@settings(max_examples=30)
@given(st.binary(max_size=60), st.sampled_from(["LOGIN", "SELECT", "UID SEARCH", "CAPABILITY"]))
def test_any_answer_is_read_or_named(said: bytes, at: str) -> None:
    """`new_since` needs no database."""

    def answer(command: str) -> bytes | None:
        return said + b"\r\n" if command.startswith(at) else _plain(command)

    with serving(answer) as mailbox, suppress(MailboxTroubleError), open_folder(mailbox) as session:
        session.new_since(0, 3)


# Access tokens


def test_a_mailbox_without_a_token_says_so_and_one_with_shows_it(world: None) -> None:
    seen: list[str] = []

    def answer(command: str) -> bytes | None:
        seen.append(command)
        return _plain(command)

    with serving(answer) as mailbox, token_server((200, b'{"access_token": "T0ken"}')) as provider:
        signed = Mailbox(
            mailbox.host, mailbox.port, "u", oauth=OAuth(provider.url, "c"), implicit_tls=False, tls="none"
        )
        assert _fetch(signed) == 0
        assert any(command.startswith("AUTHENTICATE XOAUTH2") for command in seen)
        closed = Mailbox(mailbox.host, mailbox.port, "u", oauth=OAuth("http://127.0.0.1:1/", "c"), tls="none")
        assert _trouble(Mailbox(**{**_fields(closed), "implicit_tls": False})) == Trouble.OAUTH


def _fields(mailbox: Mailbox) -> dict[str, Any]:
    return {name: getattr(mailbox, name) for name in mailbox.__slots__}
