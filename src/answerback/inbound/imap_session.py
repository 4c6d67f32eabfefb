"""Talking IMAP (RFC 3501) to one folder: open it, find what is new, fetch, mark, wait for more (IDLE, RFC 2177).

Policy: whatever a server does wrong comes out as `MailboxTroubleError` with one word for the state and a line for the
admin. Everything goes by UID. Messages are peeked at: only what is stored is marked.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from imaplib import IMAP4
from typing import Any

from imapclient import DELETED, SEEN, IMAPClient
from imapclient.exceptions import LoginError

from answerback.store.models import MailboxState
from mailroom import oauth
from mailroom.imap_url import Mailbox

TIMEOUT = 60.0  # seconds for each answer of the server
IDLE_SECONDS = 9 * 60  # RFC 2177 allows 29 minutes; middleboxes forget a silent connection sooner
POLL_SECONDS = 60  # without IDLE
GLANCE = 1.0  # seconds between two looks at `stop`
Trouble = MailboxState.Trouble


class MailboxTroubleError(Exception):
    """`trouble` is a word of MailboxState, the text what was said."""

    def __init__(self, trouble: str, said: str) -> None:
        super().__init__(said)
        self.trouble, self.said = trouble, said


@dataclass(frozen=True)
class Found:
    uid: int
    size: int  # octets, as the server says


class ImapSession:
    """An open folder. Use `open_folder`."""

    def __init__(self, client: IMAPClient, mailbox: Mailbox, opened: dict[bytes, Any]) -> None:
        self._client, self._mailbox = client, mailbox
        self.uid_validity = int(opened[b"UIDVALIDITY"])
        self.uid_next = int(opened.get(b"UIDNEXT") or 1)
        self._may_idle = client.has_capability("IDLE")

    def new_since(self, last_uid: int, unseen_until: int) -> list[Found]:
        """What came after `last_uid`, in order; up to `unseen_until` only what nobody has read."""
        with _named_trouble():
            uids: set[int] = set()
            if last_uid < unseen_until:
                uids.update(self._client.search(["UNSEEN", "UNDELETED", "UID", f"{last_uid + 1}:{unseen_until}"]))
            after = max(last_uid, unseen_until)
            # QUIRK: "9:*" always has the last message in it, be its UID below 9 (RFC 3501 §6.4.8)
            uids.update(uid for uid in self._client.search(["UID", f"{after + 1}:*"]) if uid > after)
            wanted = sorted(uid for uid in uids if uid > last_uid)
            sizes = self._client.fetch(wanted, ["RFC822.SIZE"]) if wanted else {}
        return [Found(uid, int(sizes[uid][b"RFC822.SIZE"])) for uid in wanted if b"RFC822.SIZE" in sizes.get(uid, {})]

    def fetch(self, uids: Sequence[int]) -> dict[int, bytes]:
        """The octets of messages. One that has been removed meanwhile is not among them."""
        with _named_trouble():
            answers = self._client.fetch(uids, ["BODY.PEEK[]"])
        return {uid: answers[uid][b"BODY[]"] for uid in uids if answers.get(uid, {}).get(b"BODY[]")}

    def settle(self, uids: Sequence[int]) -> None:
        """What the setting wants of messages that are stored."""
        if not uids:
            return
        with _named_trouble():
            match self._mailbox.then:
                case "seen":
                    self._client.add_flags(uids, [SEEN], silent=True)
                case "delete":
                    self._remove(uids)
                case "move" if self._client.has_capability("MOVE"):
                    self._client.move(uids, self._mailbox.move_to)
                case "move":
                    self._client.copy(uids, self._mailbox.move_to)
                    self._remove(uids)

    def wait(self, is_over: Any) -> None:
        """Until something may be new, or `is_over()` is true."""
        if not self._may_idle:
            _sleep(POLL_SECONDS, is_over)
            with _named_trouble():
                self._client.noop()
            return
        with _named_trouble():
            self._client.idle()
            end = time.monotonic() + IDLE_SECONDS
            said: list[Any] = []
            while not said and not is_over() and time.monotonic() < end:
                said = self._client.idle_check(timeout=GLANCE)
            self._client.idle_done()
        if any(line[:1] == (b"BYE",) for line in said):
            raise MailboxTroubleError(Trouble.NETWORK, "the server ended the connection")

    def _remove(self, uids: Sequence[int]) -> None:
        self._client.add_flags(uids, [DELETED], silent=True)
        if self._client.has_capability("UIDPLUS"):
            self._client.expunge(uids)  # without it, others' deletions would go as well: the flag must do


@contextmanager
def open_folder(mailbox: Mailbox) -> Iterator[ImapSession]:
    """A session, closed at the end of the block. MailboxTroubleError."""
    client = _connect(mailbox)
    try:
        _log_in(client, mailbox)
        with _named_trouble():
            session = ImapSession(client, mailbox, _select(client, mailbox))
        yield session
        with suppress(MailboxTroubleError), _named_trouble():  # all is stored: a server that cannot part is left
            client.logout()
    finally:
        with suppress(OSError):  # it may have ended already
            client.shutdown()


def _connect(mailbox: Mailbox) -> IMAPClient:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if mailbox.tls != "verify":
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with _named_trouble():
        client = IMAPClient(mailbox.host, mailbox.port, ssl=mailbox.implicit_tls, ssl_context=context, timeout=TIMEOUT)
    if not mailbox.implicit_tls and mailbox.tls != "none":
        try:
            with _named_trouble():
                client.starttls(context)
        except MailboxTroubleError as error:
            with suppress(OSError):
                client.shutdown()
            raise MailboxTroubleError(Trouble.TLS, error.said) from None
    return client


def _log_in(client: IMAPClient, mailbox: Mailbox) -> None:
    if mailbox.oauth is None:
        with _named_trouble():
            client.login(mailbox.user, mailbox.password)
        return
    try:
        token = oauth.access_token(mailbox.oauth)
    except oauth.NoTokenError as error:
        raise MailboxTroubleError(Trouble.OAUTH, str(error)) from None
    try:
        with _named_trouble():
            client.oauth2_login(mailbox.user, token)
    except MailboxTroubleError as error:
        oauth.forget(mailbox.oauth, token)
        trouble = Trouble.OAUTH if error.trouble == Trouble.SIGN_IN else error.trouble
        raise MailboxTroubleError(trouble, error.said) from None


def _select(client: IMAPClient, mailbox: Mailbox) -> dict[bytes, Any]:
    with _named_trouble():
        try:
            opened: dict[bytes, Any] = client.select_folder(mailbox.folder)
        except IMAP4.abort:
            raise
        except IMAP4.error as error:
            raise MailboxTroubleError(Trouble.FOLDER, _line(error)) from None
        if b"UIDVALIDITY" not in opened:
            raise MailboxTroubleError(Trouble.PROTOCOL, "the folder has no UIDVALIDITY")
    return opened


@contextmanager
def _named_trouble() -> Iterator[None]:
    """QUIRK: on odd answers imaplib and IMAPClient raise what their parsers raise, beside errors of their own."""
    try:
        yield
    except MailboxTroubleError:
        raise
    except LoginError as error:
        # QUIRK: IMAPClient says so as well where the connection broke meanwhile
        broke_off = isinstance(error.__context__, IMAP4.abort | OSError)
        raise MailboxTroubleError(Trouble.NETWORK if broke_off else Trouble.SIGN_IN, _line(error)) from None
    except ssl.SSLError as error:
        raise MailboxTroubleError(Trouble.TLS, _line(error)) from None
    except (TimeoutError, IMAP4.abort, EOFError, OSError) as error:
        raise MailboxTroubleError(Trouble.NETWORK, _line(error)) from None
    except Exception as error:
        raise MailboxTroubleError(Trouble.PROTOCOL, _line(error)) from None


def _line(error: Exception) -> str:
    text = str(error) or type(error).__name__
    if text.startswith(("b'", 'b"')):  # QUIRK: imaplib's text of an answer is that of bytes
        text = text[2:-1]
    return " ".join(text.split())


def _sleep(seconds: float, is_over: Any) -> None:
    end = time.monotonic() + seconds
    while not is_over() and time.monotonic() < end:
        time.sleep(min(GLANCE, seconds))
