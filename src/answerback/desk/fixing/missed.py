"""The missed answer rides along: a customer writes again while an answer to them is still undelivered.

Policy: it does not matter from which address they write or on which ticket: people are compared, not addresses. Whoever
writes with the reply token of somebody else holds that person's mail, and counts as word from them. A namesake counts
as perhaps the same person only where their mail is authenticated, and the agent is told to make sure. Answers that are
being sent again already are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet

from answerback.outbound.lifecycle import SUPPRESSED
from answerback.outbound.models import Delivery, Message, Replacement, Resolution
from answerback.people.models import Person
from answerback.tickets.models import Comment, Ticket
from mailroom.states import State

SHOWN = 3  # the newest
_PAST = (State.FAILED, State.CANCELLED)
Trust = Comment.Trust


@dataclass(frozen=True)
class MissedAnswer:
    """`delivery` failed, and its recipient has written since. `certain`: it is the same person, not a namesake."""

    delivery: Delivery
    certain: bool

    @property
    def comment(self) -> Comment:
        comment = self.delivery.message.comment
        assert comment is not None  # the query asks for it
        return comment


def of(ticket: Ticket, comments: Sequence[Comment]) -> list[MissedAnswer]:
    """Newest first, in one query. `comments` are the ticket's, with their authors."""
    wrote = _last_words(ticket, comments)
    namesake = _namesake(ticket, comments)
    if not wrote:
        return []
    people = Q(person__in=wrote)
    if namesake:
        people |= Q(person__name__iexact=namesake.author.name, person__account__isnull=True)
    found = []
    for row in _open_failures().filter(people).order_by("-id"):
        missed = MissedAnswer(row, certain=row.person_id in wrote)
        since = wrote.get(row.person_id or 0) or (namesake.created_at if namesake else None)
        if since and since > missed.comment.created_at:
            found.append(missed)
    return found[:SHOWN]


def _last_words(ticket: Ticket, comments: Sequence[Comment]) -> dict[int, datetime]:
    """When each customer wrote last, by person id."""
    wrote: dict[int, datetime] = {}
    for comment in comments:
        if comment.trust == Trust.OTHER_SENDER:
            wrote[ticket.requester_id] = comment.created_at
        elif comment.public and not comment.automatic and not hasattr(comment.author, "account"):
            wrote[comment.author_id] = comment.created_at
    return wrote


def _namesake(ticket: Ticket, comments: Sequence[Comment]) -> Comment | None:
    """The requester's last authenticated mail, where the name is a full one and says something."""
    proven = [one for one in comments if one.trust == Trust.AUTHENTICATED and one.author_id == ticket.requester_id]
    return proven[-1] if proven and _is_full_name(proven[-1].author) else None


def _is_full_name(person: Person) -> bool:
    return len(person.name.split()) > 1 and "@" not in person.name


def _open_failures() -> QuerySet[Delivery]:
    """Undelivered answers that nobody has seen to, nor sends again. By way of the few tickets that are marked."""
    resolved = Resolution.objects.filter(delivery=OuterRef("pk"), revoked_at__isnull=True)
    under_way = Delivery.objects.filter(message__comment=OuterRef("comment")).exclude(state__in=_PAST)
    replaced = Replacement.objects.filter(Exists(under_way), delivery=OuterRef("pk"), denied_at__isnull=True)
    failing = Q(state__in=_PAST) | Q(state=State.HELD, hold_reason=SUPPRESSED)
    return (
        Delivery.objects.filter(
            failing,
            ~Exists(resolved),
            ~Exists(replaced),
            kind=Message.Kind.ANSWER,
            ticket__delivery_health=Ticket.Health.FAILED,
            message__comment__isnull=False,
            resends__isnull=True,
        )
        .select_related("message__comment__author", "person")
        .defer("message__body", "message__header", "header")
    )
