"""An agent's comment: public answer or internal note. Journey A of docs/flows.md begins here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.db import transaction

from answerback.desk.fixing import replacing
from answerback.desk.running_rules import effects
from answerback.people.models import Account, Person
from answerback.tickets import update
from answerback.tickets.changes import UNSET, Changes, NewAttachment, NewComment, Unset
from answerback.tickets.models import Attachment, Audit, Ticket
from mailroom import html as mail_html


class EmptyCommentError(ValueError):
    """Neither text nor a file."""


@dataclass(frozen=True)
class Reply:
    """What the agent typed. `html` is sanitised here; "" is made from the text."""

    text: str
    public: bool
    html: str = ""
    attachments: Sequence[NewAttachment | Attachment] = ()
    status: str | Unset = UNSET  # "send as"
    replaces: Sequence[int] = ()  # failed deliveries that this comment answers again
    files_as_links: bool = False  # the mail names where to fetch the files


def reply(ticket_id: int, new: Reply, by: Account, via: str = "web", changes: Changes | None = None) -> Audit:
    """Store the comment with its mail. TicketClosedError, EmptyCommentError, Ticket.DoesNotExist."""
    if is_empty(new):
        raise EmptyCommentError
    with transaction.atomic():
        audit = update.apply(ticket_id, _with_comment(changes or Changes(), new, by, ticket_id), by.person, via)
        assert audit is not None  # a comment is always something
        effects.run(audit)
        replacing.note(audit, new.replaces)
    return audit


def is_empty(new: Reply) -> bool:
    return not new.text.strip() and not new.attachments


def comment_of(author: Person, new: Reply) -> NewComment:
    return NewComment(
        author=author,
        public=new.public,
        text=new.text.strip(),
        html=mail_html.sanitise(new.html) if new.html else "",
        attachments=new.attachments,
        files_as_links=new.files_as_links and new.public,
    )


def _with_comment(changes: Changes, new: Reply, by: Account, ticket_id: int) -> Changes:
    status = new.status if new.status is not UNSET else changes.status
    if status is UNSET and new.public:
        status = _answered_status(ticket_id)
    return replace(changes, comment=comment_of(by.person, new), status=status)


def _answered_status(ticket_id: int) -> str | Unset:
    """A first answer makes a new ticket open, where the agent does not say otherwise."""
    is_new = Ticket.objects.filter(pk=ticket_id, status=Ticket.Status.NEW).exists()
    return Ticket.Status.OPEN if is_new else UNSET
