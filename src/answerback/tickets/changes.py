"""What can be asked of a ticket: values that doors build, rules return and `tickets.update` carries out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Final

from answerback.people.models import Account, Group, Person
from answerback.store.models import Blob
from answerback.tickets.models import Attachment, Comment, Event, SupportAddress, Ticket


class Unset(Enum):
    """ "Not mentioned", where None means "nobody"."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET


@dataclass(frozen=True)
class NewAttachment:
    """A file that is stored already, and how it is to be shown."""

    blob: Blob
    file_name: str
    content_type: str
    inline: bool = False
    content_id: str = ""


@dataclass(frozen=True)
class NewComment:
    author: Person
    public: bool
    text: str
    html: str = ""  # sanitised by whoever brings it; "" = made from the text
    quoted_text: str = ""
    quoted_html: str = ""
    attachments: Sequence[NewAttachment | Attachment] = ()
    trust: str = Comment.Trust.NONE
    sender: str = ""
    authenticated_domain: str = ""
    raw_mail_id: int | None = None
    message_id: str = ""
    automatic: str = ""
    files_as_links: bool = False  # the mail names addresses instead of carrying the files


@dataclass(frozen=True)
class NewTicket:
    subject: str
    requester: Person
    submitter: Person
    support_address: SupportAddress
    via: str
    comment: NewComment | Callable[[Ticket], NewComment] | None = None  # or who writes it once there is a ticket
    status: str = Ticket.Status.NEW
    priority: str = ""
    type: str = ""
    assignee: Account | None = None
    group: Group | None = None
    tags: Sequence[str] = ()
    ccs: Sequence[Person] = ()
    unconfirmed_ccs: Sequence[Person] = ()
    follow_up_of: Ticket | None = None


@dataclass(frozen=True)
class TicketFact:
    """Something that happened to the ticket's mail: becomes an Event of the kind, with the data."""

    kind: Event.Kind
    data: dict[str, Any]
    quiet: bool = False  # worth noting, but the ticket does not count as updated by it


@dataclass(frozen=True)
class ByRule:
    """The rule that made an update: what the audit keeps of it, whatever becomes of the rule."""

    kind: str  # trigger, automation
    id: int
    title: str


@dataclass(frozen=True)
class Changes:
    """An update. What is UNSET stays as it is."""

    subject: str | Unset = UNSET
    status: str | Unset = UNSET
    priority: str | Unset = UNSET
    type: str | Unset = UNSET
    assignee: Account | Unset | None = UNSET
    group: Group | Unset | None = UNSET
    requester: Person | Unset = UNSET
    merged_into: Ticket | Unset = UNSET  # `desk.merging.merge_tickets` alone sets it
    set_tags: Sequence[str] | Unset = UNSET
    add_tags: Sequence[str] = ()
    remove_tags: Sequence[str] = ()
    add_ccs: Sequence[Person] = ()
    unconfirmed_ccs: Sequence[Person] = ()
    confirm_ccs: Sequence[Person] = ()
    remove_ccs: Sequence[Person] = ()
    comment: NewComment | None = None
    # what only the desk's reaction to delivery events sets
    facts: Sequence[TicketFact] = ()
    delivery_health: str | Unset = UNSET
    failed_at: datetime | Unset | None = UNSET
    ever_failed: bool | Unset = UNSET
