"""Mail of IMAP mailboxes comes in: stored first, then marked; a thread follows each folder until it is told to stop.

Policy: UIDs say what is new, never the marks that a person in a mail program sets as well. Nothing is taken that is
bigger than MAX_MESSAGE_SIZE: it stays in the folder, and `doctor` tells. After trouble it is tried again, ever later.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from django.conf import settings
from django.db import DatabaseError, close_old_connections, connections

from answerback.inbound import recipients
from answerback.inbound.imap_session import Found, ImapSession, MailboxTroubleError, open_folder
from answerback.store import mailboxes, raw
from answerback.store.mailboxes import TooLateError, Trouble
from answerback.store.models import MailboxState
from answerback.store.raw import Incoming
from answerback.tickets import addresses as support_addresses
from mailroom import message
from mailroom.address import parse_addresses
from mailroom.imap_url import Mailbox
from mailroom.message import Mail

BATCH_OCTETS = 4 * 2**20
BATCH = 50
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 900.0  # seconds after trouble
# Where servers write the address that a mail was delivered to: Postfix, Exim and Dovecot, Gmail, qmail, Exchange
_DELIVERED = (
    *("Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "X-Delivered-To"),
    "X-MS-Exchange-Organization-OriginalEnvelopeRecipients",
)
_WRITTEN = ("To", "Cc")
log = logging.getLogger(__name__)


def follow(mailbox: Mailbox, stop: threading.Event, stored: Callable[[], None] = lambda: None) -> None:
    """Fetch what is there and what comes, until `stop`. `stored` is called after each commit."""
    pause = FIRST_PAUSE
    while not stop.is_set():
        close_old_connections()
        with _trouble_noted(mailbox), open_folder(mailbox) as session:
            pause = FIRST_PAUSE
            while not stop.is_set():
                fetch_new(session, mailbox, stored)
                mailboxes.went_well(mailbox.name)
                session.wait(stop.is_set)
        stop.wait(pause)
        pause = min(2 * pause, LONGEST_PAUSE)
    connections.close_all()


def once() -> int:
    """Fetch what is new in every mailbox now; answers how much. Trouble is noted, and the next one is tried."""
    total = 0
    for mailbox in mailboxes.configured():
        with _trouble_noted(mailbox), open_folder(mailbox) as session:
            total += fetch_new(session, mailbox)
            mailboxes.went_well(mailbox.name)
    return total


def fetch_new(session: ImapSession, mailbox: Mailbox, stored: Callable[[], None] = lambda: None) -> int:
    """Store what is new, in batches; answers how much. MailboxTroubleError, TooLateError, DatabaseError, OSError."""
    place = mailboxes.opened(mailbox.name, session.uid_validity, session.uid_next)
    total = 0
    for batch in _batches(session.new_since(place.last_uid, place.unseen_until)):
        total += _store(session, mailbox, place, batch)
        stored()
    return total


def _store(session: ImapSession, mailbox: Mailbox, place: MailboxState, batch: Sequence[Found]) -> int:
    fitting = [found.uid for found in batch if found.size <= settings.MAX_MESSAGE_SIZE]
    for found in batch:
        if found.size > settings.MAX_MESSAGE_SIZE:
            log.error(
                "mailbox %s: message %s is too big and stays there (%s octets)", mailbox.name, found.uid, found.size
            )
    fetched = session.fetch(fitting) if fitting else {}
    incoming = [incoming_of(content, mailbox) for content in fetched.values()]
    mailboxes.store(place, batch[-1].uid, incoming, left=len(batch) - len(fitting))
    session.settle(list(fetched))
    return len(fetched)


def incoming_of(content: bytes, mailbox: Mailbox) -> Incoming:
    """What a doorway with an envelope would have heard, from the fields that servers write."""
    mail = message.parse_header(content[: settings.MAX_HEADER_BYTES].partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
    reverse_path = next(iter(parse_addresses(*mail.raw_headers("Return-Path")[:1])), None)
    return Incoming(
        content=content,
        doorway=raw.IMAP,
        envelope_from=reverse_path.spec if reverse_path else "",
        envelope_to=_recipients(mail) or [_addressee(mailbox)],
    )


def _recipients(mail: Mail) -> list[str]:
    """Addresses of ours that it was delivered to, else those that it is written to, each once."""
    for names in (_DELIVERED, _WRITTEN):
        named = parse_addresses(*(value for name in names for value in mail.raw_headers(name)))
        if ours := [address.spec for address in named if recipients.is_ours(address.spec)]:
            return list(dict.fromkeys(ours))
    return []


def _addressee(mailbox: Mailbox) -> str:
    """Whom a mail is for that names no address of ours: a blind copy, an alias."""
    if mailbox.support_address:
        return mailbox.support_address
    default = support_addresses.default_support_address()
    return default.address if default else mailbox.user


def _batches(found: Sequence[Found]) -> Iterator[list[Found]]:
    """As much as may be in memory at once; a big one alone."""
    batch: list[Found] = []
    for one in found:
        if batch and (len(batch) == BATCH or sum(each.size for each in batch) + one.size > BATCH_OCTETS):
            yield batch
            batch = []
        batch.append(one)
    if batch:
        yield batch


@contextmanager
def _trouble_noted(mailbox: Mailbox) -> Iterator[None]:
    """Whatever stands in the way of fetching ends the block, is told in the log and kept for the admin."""
    try:
        yield
    except MailboxTroubleError as error:
        _tell(mailbox, error.trouble, error.said)
    except TooLateError:
        log.warning("mailbox %s: another process fetches it as well", mailbox.name)
    except (DatabaseError, OSError) as error:
        _tell(mailbox, Trouble.STORAGE, str(error))


def _tell(mailbox: Mailbox, trouble: str, said: str) -> None:
    log.warning("mailbox %s: %s: %s", mailbox.name, trouble, said)
    try:
        mailboxes.went_wrong(mailbox.name, trouble, said)
    except DatabaseError as error:
        log.error("the state of mailbox %s cannot be noted: %s", mailbox.name, error)
