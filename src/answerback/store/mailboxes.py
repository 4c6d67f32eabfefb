"""How far each mailbox has been fetched. The place moves in the transaction that stores the mail, never back.

Policy: whoever stores moves the place from where they saw it; of two that fetch the same folder one is too late and
stores nothing. So a mail is stored once for its UID, whenever a process is killed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings
from django.db import transaction

from answerback.core import clock
from answerback.store import raw
from answerback.store.models import MailboxState
from answerback.store.raw import Incoming
from mailroom import imap_url
from mailroom.imap_url import Mailbox

Trouble = MailboxState.Trouble
STALE = timedelta(minutes=30)  # without a look: nobody fetches


class TooLateError(Exception):
    """Somebody else fetches this folder as well, and was quicker."""


def configured() -> list[Mailbox]:
    """Those that IMAP_URLS names; at the start `checks` has seen that it can be read."""
    return imap_url.mailboxes(settings.IMAP_URLS)


def states() -> list[MailboxState]:
    """How each of them goes, in their order; one that was never tried has no row yet, and is made up here."""
    names = [mailbox.name for mailbox in configured()]
    rows = {row.name: row for row in MailboxState.objects.filter(name__in=names)}
    return [rows.get(name) or MailboxState(name=name) for name in names]


def is_stale(row: MailboxState) -> bool:
    """Nobody has looked into it for long, and no trouble says why."""
    return not row.trouble and (row.looked_at is None or row.looked_at < clock.now() - STALE)


def opened(name: str, uid_validity: int, uid_next: int) -> MailboxState:
    """The place in the folder. A folder seen for the first time, or numbered anew, is new from its next message on;
    of what lies in it only unread mail counts."""
    row, _ = MailboxState.objects.get_or_create(name=name, defaults={"since": clock.now()})
    if row.uid_validity != uid_validity:
        row.uid_validity, row.last_uid, row.unseen_until, row.left = uid_validity, 0, uid_next - 1, 0
        row.save(update_fields=["uid_validity", "last_uid", "unseen_until", "left"])
    return row


def store(row: MailboxState, last_uid: int, batch: Sequence[Incoming], left: int = 0) -> None:
    """Make the batch durable and move the place on to `last_uid`. `left`: messages passed over. TooLateError."""
    with transaction.atomic():
        here = MailboxState.objects.filter(pk=row.pk, uid_validity=row.uid_validity, last_uid=row.last_uid)
        fresh = {"last_uid": last_uid, "fetched": row.fetched + len(batch), "left": row.left + left}
        if not here.update(**fresh):
            raise TooLateError(row.name)
        raw.save_all(batch)
    for name, value in fresh.items():
        setattr(row, name, value)


def went_well(name: str) -> None:
    _note(name, Trouble.NONE, "", {"looked_at": clock.now()})


def went_wrong(name: str, trouble: str, said: str) -> None:
    _note(name, trouble, said, {})


def _note(name: str, trouble: str, said: str, more: dict[str, object]) -> None:
    row, _ = MailboxState.objects.get_or_create(name=name, defaults={"since": clock.now()})
    since = row.since if row.trouble == trouble else clock.now()
    MailboxState.objects.filter(pk=row.pk).update(trouble=trouble, said=raw.storable(said, 300), since=since, **more)
