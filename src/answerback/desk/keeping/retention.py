"""How long closed tickets are kept: for ever, unless an administrator says otherwise.

Policy: the clock of a ticket begins when it is closed. Then it goes with all that hangs on it (`desk.keeping.removal`),
unless mail of it is still on its way. A ticket that was merged goes after the one it leads to. By the same clock go
mail that belongs to no ticket (links for passwords, mail to supervisors, reports of them) and, if wanted, customers of
whom no ticket is left and whom nobody has changed since. A customer whose address is marked undeliverable stays until
that ends, so that it stays known.

The tidying worker does it, one ticket in a transaction, for about a second at a time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from answerback.core import clock
from answerback.core.models import Setting
from answerback.desk.keeping import removal
from answerback.outbound.models import Delivery, Message
from answerback.people import identities, profiles, system_person
from answerback.people.models import Account, Person
from answerback.store import dismiss
from answerback.store.models import RawMail
from answerback.tickets.models import Comment, Participant, Ticket
from mailroom.states import State

FOR_EVER = 0
MOST_DAYS = 36_500
_NAME = "retention"
_BATCH = 50
_WAITING = (State.QUEUED, State.SENDING, State.DEFERRED)


@dataclass(frozen=True)
class Limits:
    """`people`: customers without a ticket go too."""

    days: int = FOR_EVER
    people: bool = False


@dataclass(frozen=True)
class Foreseen:
    """What would go today."""

    tickets: int
    mails: int  # that belong to no ticket
    people: int  # who have no ticket now; those whose last one goes today follow
    oldest: datetime | None  # when the first of these tickets was closed

    @property
    def nothing(self) -> bool:
        return not (self.tickets or self.mails or self.people)


def limits() -> Limits:
    row = Setting.objects.filter(name=_NAME).first()
    return Limits(**row.value) if row else Limits()


def set_limits(wanted: Limits) -> None:
    """ValueError for a number of days that cannot be meant."""
    if not FOR_EVER <= wanted.days <= MOST_DAYS:
        raise ValueError(wanted.days)
    Setting.objects.update_or_create(name=_NAME, defaults={"value": asdict(wanted)})


def foresee(wanted: Limits) -> Foreseen:
    if wanted.days == FOR_EVER:
        return Foreseen(0, 0, 0, None)
    before = _begin(wanted)
    tickets = _tickets(before)
    return Foreseen(
        tickets=tickets.count(),
        mails=_sent(before).count() + _received(before).count(),
        people=_people(before).count() if wanted.people else 0,
        oldest=tickets.order_by("status_at").values_list("status_at", flat=True).first(),
    )


def forget_tickets(seconds: float = 1.0) -> int:
    """Delete tickets whose time is over, for about so long; gives how many."""
    wanted = limits()
    return 0 if wanted.days == FOR_EVER else _repeat(seconds, _remove_ticket, _begin(wanted))


def forget_rest(seconds: float = 2.0) -> int:
    """The same with mail of no ticket, and people. Looking for them costs more, so it is done less often."""
    wanted = limits()
    if wanted.days == FOR_EVER:
        return 0
    steps = (_remove_sent, _remove_received, *((_remove_people,) if wanted.people else ()))
    return sum(_repeat(seconds, step, _begin(wanted)) for step in steps)


def _repeat(seconds: float, step: Callable[[datetime], int], before: datetime) -> int:
    end, total = time.monotonic() + seconds, 0
    while time.monotonic() < end and (done := step(before)):
        total += done
    return total


def _begin(wanted: Limits) -> datetime:
    return clock.now() - timedelta(days=wanted.days)


def _tickets(before: datetime) -> QuerySet[Ticket]:
    waiting = Delivery.objects.filter(ticket=OuterRef("pk"), state__in=_WAITING)
    closed = Ticket.objects.filter(status=Ticket.Status.CLOSED, status_at__lt=before, merged_into__isnull=True)
    return closed.filter(~Exists(waiting))


def _sent(before: datetime) -> QuerySet[Message]:
    """Probes have a clock of their own (`outbound.way_back`)."""
    waiting = Delivery.objects.filter(message=OuterRef("pk"), state__in=_WAITING)
    rows = Message.objects.filter(ticket__isnull=True, created_at__lt=before).exclude(kind=Message.Kind.PROBE)
    return rows.filter(~Exists(waiting))


def _received(before: datetime) -> QuerySet[RawMail]:
    """Reports about it. The rest has a clock of its own (`store.dismiss`)."""
    return RawMail.objects.filter(ticket_id__isnull=True, state=RawMail.State.REPORT, handled_at__lt=before)


def _people(before: datetime) -> QuerySet[Person]:
    of_them = (
        Account.objects.filter(person=OuterRef("pk")),
        Ticket.objects.filter(requester=OuterRef("pk")),
        Ticket.objects.filter(submitter=OuterRef("pk")),
        Comment.objects.filter(author=OuterRef("pk")),
        Participant.objects.filter(person=OuterRef("pk")),
        identities.suppressed().filter(person=OuterRef("pk")),
    )
    rows = Person.objects.filter(updated_at__lt=before).exclude(pk=system_person.get().pk)
    return rows.filter(*(~Exists(found) for found in of_them))


def _remove_ticket(before: datetime) -> int:
    with transaction.atomic():
        ticket = _tickets(before).select_for_update(of=("self",), skip_locked=True).order_by("status_at", "id").first()
        if ticket is None:
            return 0
        removal.remove(ticket.pk)
    return 1


def _remove_sent(before: datetime) -> int:
    ids = list(_sent(before).order_by("id").values_list("pk", flat=True)[:_BATCH])
    Message.objects.filter(pk__in=ids).delete()
    return len(ids)


def _remove_received(before: datetime) -> int:
    with transaction.atomic():
        ids = list(_received(before).order_by("id").values_list("pk", flat=True)[:_BATCH])
        return dismiss.delete(RawMail.objects.filter(pk__in=ids))


def _remove_people(before: datetime) -> int:
    found = list(_people(before).order_by("id")[:_BATCH])
    for person in found:
        profiles.remove(person)
    return len(found)
