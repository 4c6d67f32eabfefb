"""A ticket as its page shows it: comments with what became of their mail, and who is on it.

Read-only. A fixed number of queries, however long the conversation is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from django.db.models import Prefetch

from answerback.desk.fixing import missed, replacing
from answerback.desk.fixing.missed import MissedAnswer
from answerback.outbound import standing
from answerback.outbound.models import Delivery
from answerback.outbound.standing import Chain, CommentStanding, PersonStanding
from answerback.people.models import Identity, Person
from answerback.tickets.models import Attachment, Comment, Participant, Ticket
from answerback.workspace import reachability
from answerback.workspace.reachability import Reachability
from mailroom import absence, sorting
from mailroom import html as mail_html

LINES_PER_PIXEL_GUESS = 22  # height of a line in the mail frame, until the frame has been measured
FRAME_LEAST, FRAME_MOST = 60, 600


@dataclass(frozen=True)
class Entry:
    """One comment and its mail."""

    comment: Comment
    by_agent: bool
    standing: CommentStanding | None
    attachments: Sequence[Attachment] = ()
    questions: Sequence[Delivery] = ()  # open failures that this answer may have replaced

    @property
    def to(self) -> list[PersonStanding]:
        return self._in_role("to")

    @property
    def cc(self) -> list[PersonStanding]:
        return self._in_role("cc")

    @property
    def unheard(self) -> bool:
        """A public comment of an agent that was mailed to nobody."""
        return self.comment.public and self.by_agent and self.standing is None

    @property
    def linked(self) -> bool:
        """Some of its files went out as links."""
        return any(hasattr(file, "link") for file in self.attachments)

    @property
    def frame_height(self) -> int:
        lines = sum(1 + len(line) // 80 for line in self.comment.text.splitlines()) + 1
        return max(FRAME_LEAST, min(FRAME_MOST, lines * LINES_PER_PIXEL_GUESS))

    @property
    def kind(self) -> sorting.Kind:
        """Who wrote: a person, or a program that answers or sends to many."""
        return sorting.kind_of(self.comment.automatic)

    @property
    def back_on(self) -> date | None:
        """When the writer of an absence note says to be back."""
        if self.kind is not sorting.Kind.AUTO_REPLY:
            return None
        return absence.back_on(self.comment.text, self.comment.created_at.date())

    @property
    def on_paper(self) -> bool:
        """Its HTML is shown on white, whatever the theme."""
        return mail_html.has_own_look(self.comment.html)

    def _in_role(self, role: str) -> list[PersonStanding]:
        return [person for person in self.standing.people if person.role == role] if self.standing else []


@dataclass(frozen=True)
class Recipient:
    """Somebody the next answer goes to, and how likely it is to arrive."""

    person: Person
    address: str
    reach: Reachability
    confirmed: bool = True
    key: str = ""  # what the chip's buttons name them by


@dataclass
class Conversation:
    ticket: Ticket
    entries: list[Entry] = field(default_factory=list)
    missed: Sequence[MissedAnswer] = ()

    @property
    def last_comment_id(self) -> int:
        return self.entries[-1].comment.pk if self.entries else 0

    @cached_property
    def open_failures(self) -> list[tuple[Entry, Chain]]:
        """In the order of the conversation."""
        return [
            (entry, chain)
            for entry in self.entries
            if entry.standing
            for person in entry.standing.people
            for chain in person.chains
            if chain.open
        ]


def find_ticket(number: int) -> Ticket | None:
    related = ("requester__organization", "assignee__person", "group", "support_address", "follow_up_of")
    return Ticket.objects.select_related(*related).filter(pk=number).first()


def of(ticket: Ticket) -> Conversation:
    comments = list(
        Comment.objects.filter(ticket=ticket)
        .select_related("author__account")
        .prefetch_related(Prefetch("attachments", Attachment.objects.select_related("link")))
        .order_by("id")
    )
    found = standing.of_ticket(ticket.pk)
    questions = replacing.questions(found)
    entries = [
        Entry(
            comment=comment,
            by_agent=is_agent(comment.author),
            standing=found.get(comment.pk),
            attachments=_files_to_list(comment),
            questions=questions.get(comment.pk, ()),
        )
        for comment in comments
    ]
    return Conversation(ticket, entries, missed.of(ticket, comments))


def recipients(ticket: Ticket) -> tuple[Recipient, list[Recipient]]:
    """The requester and the CCs, also those who wait for a click."""
    rows = list(
        Participant.objects.filter(ticket=ticket, role=Participant.Role.CC).select_related("person").order_by("id")
    )
    people = [ticket.requester, *(row.person for row in rows)]
    best = best_identities(people)
    spam = reachability.complained(list(best.values()))
    ccs = [recipient(row.person, best, spam, row.confirmed) for row in rows]
    return recipient(ticket.requester, best, spam), ccs


def recipient(
    person: Person, best: dict[int, Identity], spam: set[int], confirmed: bool = True, key: str = ""
) -> Recipient:
    """`best`: their addresses, `spam`: those whose owners complained, both asked for all at once."""
    identity = best.get(person.pk)
    reach = reachability.of(identity, identity is not None and identity.pk in spam)
    return Recipient(person, identity.address if identity else "", reach, confirmed, key or str(person.pk))


def best_identities(people: Sequence[Person]) -> dict[int, Identity]:
    """By person id: the address mail would go to."""
    rows = Identity.objects.filter(person__in=people).order_by("primary", "-id")
    return {row.person_id: row for row in rows}


def is_agent(person: Person) -> bool:
    """Costs no query where the person was loaded with `account`."""
    return hasattr(person, "account")


def _files_to_list(comment: Comment) -> list[Attachment]:
    """All but the pictures that stand in the text.

    QUIRK: Apple Mail marks a photo as inline although the mail is plain text: it has to stand with the files.
    """
    files = list(comment.attachments.all())
    pictures = {file.content_id: f"picture:{file.pk}" for file in files if file.inline}
    html = mail_html.replace_cid(comment.html + comment.quoted_html, pictures) if pictures else ""
    return [file for file in files if not (file.inline and f'"picture:{file.pk}"' in html)]
