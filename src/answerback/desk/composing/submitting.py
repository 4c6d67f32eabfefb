"""Drafts whose time has come become comments and tickets.

Policy: exactly once. One transaction marks the draft as sent and makes the comment of it; a worker that dies in between
leaves both undone. In the order in which "send" was pressed: a later one for the same ticket waits for the earlier.
What cannot be sent is a draft again, with the reason, and the agent is told; it is never tried again by itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from functools import partial

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import translation
from django.utils.translation import gettext, gettext_noop

from answerback.core import clock
from answerback.desk.composing import drafts, file_size, new_ticket
from answerback.desk.composing import reply as desk_reply
from answerback.desk.composing.file_size import FilesTooLargeError
from answerback.desk.models import Draft
from answerback.desk.running_rules import macros
from answerback.desk.telling import notices
from answerback.rules import macros as macro_rows
from answerback.store.blobs import MissingBlobError
from answerback.tickets.changes import UNSET, NewAttachment
from answerback.tickets.models import Attachment, Audit, Ticket
from answerback.tickets.update import TicketClosedError

ROUND = 50
log = logging.getLogger(__name__)


class Problem(StrEnum):
    """Why a draft could not be sent."""

    CLOSED = "closed"
    EMPTY = "empty"
    FILE_GONE = "file_gone"
    TOO_LARGE = "too_large"
    BAD_TICKET = "bad_ticket"  # somebody or something the new ticket names is not there any more
    NOT_STORED = "not_stored"  # our own trouble


WORDS = {
    Problem.CLOSED: gettext_noop("This ticket was closed meanwhile. Copy your text and open a new ticket for it."),
    Problem.EMPTY: gettext_noop("Write something first, or attach a file."),
    Problem.FILE_GONE: gettext_noop("A file is not there any more. Remove it, or attach it once more."),
    Problem.TOO_LARGE: gettext_noop("These files are too large for a mail (the limit is %s). Your text is still here."),
    Problem.BAD_TICKET: gettext_noop("This ticket could not be opened: look at its addresses and its subject."),
    Problem.NOT_STORED: gettext_noop("Your comment could not be stored. It stands here unchanged; please try again."),
}


class FileGoneError(LookupError):
    """A file of the draft is not there any more."""


class AlreadySentError(Exception):
    """Somebody else was quicker."""


_PROBLEMS: dict[type[Exception], Problem] = {
    TicketClosedError: Problem.CLOSED,
    desk_reply.EmptyCommentError: Problem.EMPTY,
    FileGoneError: Problem.FILE_GONE,
    MissingBlobError: Problem.FILE_GONE,
    FilesTooLargeError: Problem.TOO_LARGE,
    new_ticket.BadTicketError: Problem.BAD_TICKET,
}


def send(draft: Draft | None, seconds: int) -> None:
    """So many seconds from now; at once where that is 0. What can be known to go wrong is raised now."""
    if draft is None:
        raise desk_reply.EmptyCommentError
    check(draft)
    if not seconds:
        submit(draft)
        return
    drafts.schedule(draft, seconds)


def try_out(draft: Draft) -> Callable[[], Audit]:
    """What sending the draft would do, for `desk.running_rules.dry_run`."""
    return lambda: _reply(draft) if draft.ticket_id else _open_ticket(draft)


def check(draft: Draft) -> None:
    """EmptyCommentError, TicketClosedError, BadTicketError, FileGoneError, FilesTooLargeError."""
    if desk_reply.is_empty(_written(draft)):
        raise desk_reply.EmptyCommentError
    if draft.ticket_id is None:
        new_ticket.check_typed(draft.fields)
    elif Ticket.objects.filter(pk=draft.ticket_id, status=Ticket.Status.CLOSED).exists():
        raise TicketClosedError(draft.ticket_id)
    if draft.public:
        carried = [file for file in _files(draft) if file.inline or not draft.as_links]
        file_size.check(carried, file_size.addresses_of(draft.ticket_id) if draft.ticket_id else ())


def submit_due() -> int:
    """Send what is due, in order. Gives how many drafts left the queue."""
    return sum(_submit(draft) for draft in _due(clock.now()))


def submit(draft: Draft) -> Audit:
    """Make the comment, or the ticket, now. What the desk's use cases raise, FileGoneError, AlreadySentError."""
    with transaction.atomic():
        audit = _reply(draft) if draft.ticket_id else _open_ticket(draft)
        if not drafts.mark_sent(draft, audit.ticket_id):
            raise AlreadySentError
    return audit


FAILURES: tuple[type[Exception], ...] = (*_PROBLEMS, AlreadySentError, OSError, DatabaseError)


def problem_of(error: Exception) -> Problem:
    return next((word for kind, word in _PROBLEMS.items() if isinstance(error, kind)), Problem.NOT_STORED)


def _due(now: datetime) -> list[Draft]:
    waiting = Draft.objects.filter(send_at__isnull=False, sent_at__isnull=True)
    sooner = Q(send_at__lt=OuterRef("send_at")) | Q(send_at=OuterRef("send_at"), pk__lt=OuterRef("pk"))
    earlier = waiting.filter(sooner, ticket=OuterRef("ticket"))
    due = waiting.filter(~Exists(earlier), send_at__lte=now)
    return list(due.select_related("account__person", "ticket").order_by("send_at", "id")[:ROUND])


def _submit(draft: Draft) -> bool:
    try:
        with transaction.atomic():
            locked = Draft.objects.select_for_update(skip_locked=True, of=("self",)).filter(pk=draft.pk)
            row = locked.filter(send_at__isnull=False, sent_at__isnull=True).select_related("account__person").first()
            if row is None:  # taken back, or another worker is at it
                return False
            submit(row)
    except Exception as error:
        problem = problem_of(error)
        if problem == Problem.NOT_STORED:
            log.exception("draft %s could not be sent", draft.pk)
        _give_back(draft, problem)
    return True


def _give_back(draft: Draft, problem: Problem) -> None:
    """Also where the agent has left the page long ago: the notice finds them."""
    with transaction.atomic():
        drafts.give_back(draft, problem)
        with translation.override(draft.account.person.language or settings.LANGUAGE_CODE):
            notices.tell_draft_not_sent(draft.account, draft.ticket, draft.pk, gettext(WORDS[problem]))


def _reply(draft: Draft) -> Audit:
    assert draft.ticket_id is not None
    picked = macros.chosen(str(draft.fields.get("macro", "")), draft.account)
    changes = macros.changes_of(picked, draft.account)
    audit = desk_reply.reply(draft.ticket_id, _written(draft), draft.account, changes=changes)
    macro_rows.count_use([macro.pk for macro in picked])
    return audit


def _open_ticket(draft: Draft) -> Audit:
    picked = macros.chosen(str(draft.fields.get("macro", "")), draft.account)
    changes = macros.changes_of(picked, draft.account)
    left_open = str(draft.fields.get("placeholders", "")).split()
    complete = partial(macros.complete, names=left_open, by=draft.account)
    audit = new_ticket.open_typed(draft.account, draft.fields, _written(draft), changes, complete)
    macro_rows.count_use([macro.pk for macro in picked])
    return audit


def _written(draft: Draft) -> desk_reply.Reply:
    return desk_reply.Reply(
        text=draft.text,
        html=draft.html,
        public=draft.public,
        attachments=[_attachment(file) for file in _files(draft)],
        status=draft.status if draft.status in Ticket.Status.values else UNSET,
        replaces=draft.replaces,
        files_as_links=draft.as_links,
    )


def _files(draft: Draft) -> list[Attachment]:
    files = drafts.files_of(draft)
    if len(files) != len(draft.files):
        raise FileGoneError
    return files


def _attachment(file: Attachment) -> Attachment | NewAttachment:
    """An upload is attached itself, a file of an earlier comment once more."""
    if file.comment_id is None:
        return file
    return NewAttachment(file.blob, file.file_name, file.content_type, file.inline, file.content_id)
