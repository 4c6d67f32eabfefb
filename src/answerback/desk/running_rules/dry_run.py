"""What a use case would do, told without doing it: it is carried out for real in a transaction that is rolled back.

Policy: no second implementation of "what would happen" that could tell another story than what happens. Rows, live
topics and rows for webhooks and notices go with the rollback; files are the caller's to keep out (`desk` writes none
inside a transaction). The ticket is locked first, so that nothing of anybody else's is told as ours.

    outcome = dry_run.play(lambda: reply(ticket.pk, Reply(text="Hello", public=True), ada), ticket.pk)
    outcome.mails[0].recipients[0].fate
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db import transaction

from answerback.outbound.lifecycle import SUPPRESSED
from answerback.outbound.models import Delivery, Message
from answerback.people.models import Person
from answerback.tickets.models import Audit, Comment, Event, Ticket
from mailroom.states import State


class Fate(StrEnum):
    """What would become of the mail to one recipient."""

    SENT = "sent"  # put into the queue
    SUPPRESSED = "suppressed"  # held: mail to the address is known to fail
    HELD = "held"  # held by a rule
    CAPPED = "capped"  # automatic mail beyond the cap of the address: not written at all
    NO_ADDRESS = "no_address"


@dataclass(frozen=True)
class Recipient:
    person_id: int | None
    name: str
    address: str  # "" where the person has none
    role: str  # Delivery.Role
    fate: Fate


@dataclass(frozen=True)
class Mail:
    """One notification, also one that reaches nobody."""

    trigger_id: int | None  # of a trigger or an automation
    trigger_title: str
    kind: str  # Message.Kind
    subject: str
    recipients: Sequence[Recipient]


@dataclass(frozen=True)
class FieldChange:
    field: str  # as Event.field
    before: Any
    after: Any
    by_rule: str = ""  # its title


@dataclass(frozen=True)
class NewComment:
    author: str
    public: bool
    text: str
    by_rule: str = ""


@dataclass(frozen=True)
class RuleAct:
    """What a rule would do beside changes, comments and mail."""

    note: str  # webhook, held, resent, told, resting, ran
    title: str
    recipients: Sequence[str]


@dataclass(frozen=True)
class Outcome:
    """In the order in which it would happen."""

    changes: Sequence[FieldChange] = ()
    comments: Sequence[NewComment] = ()
    mails: Sequence[Mail] = ()
    acts: Sequence[RuleAct] = ()

    def __bool__(self) -> bool:
        return bool(self.changes or self.comments or self.mails or self.acts)


class _RollBackError(Exception):
    """Nothing failed: the transaction has told what it had to tell."""


def play(use_case: Callable[[], Audit | None], ticket_id: int | None = None) -> Outcome:
    """What `use_case` would do to the ticket, or to the one it would open. What it raises is raised.

    It may be any function of the desk that gives the audit it made, else None.
    """
    outcome = Outcome()
    try:
        with transaction.atomic():
            mark = _mark(ticket_id)
            audit = use_case()
            touched = ticket_id or (audit.ticket_id if audit else None)
            if touched:
                outcome = _read(touched, mark)
            raise _RollBackError
    except _RollBackError:
        return outcome


def _mark(ticket_id: int | None) -> int:
    """The newest event before. Ticket.DoesNotExist."""
    if ticket_id is None:
        return 0
    ticket = Ticket.objects.select_for_update(no_key=True).get(pk=ticket_id)
    return ticket.events.order_by("-id").values_list("pk", flat=True).first() or 0


def _read(ticket_id: int, mark: int) -> Outcome:
    events = list(Event.objects.filter(ticket=ticket_id, pk__gt=mark).select_related("audit").order_by("id"))
    return Outcome(
        changes=tuple(_change(event) for event in events if event.kind in _CHANGES),
        comments=tuple(_comment(event) for event in events if event.kind == Event.Kind.COMMENT),
        mails=tuple(_mails(events)),
        acts=tuple(_act(event) for event in events if event.kind == Event.Kind.RULE),
    )


_CHANGES = (Event.Kind.CREATE, Event.Kind.CHANGE, Event.Kind.CC_CHANGE)


def _change(event: Event) -> FieldChange:
    before, after = event.data.get("previous_value", ""), event.data.get("value", "")
    return FieldChange(event.field, before, after, event.audit.rule_title)


def _act(event: Event) -> RuleAct:
    return RuleAct(event.data["note"], event.data.get("title", ""), event.data.get("recipients", ()))


def _comment(event: Event) -> NewComment:
    row = Comment.objects.select_related("author").get(pk=event.data["comment_id"])
    return NewComment(row.author.name, row.public, row.text, event.audit.rule_title)


def _mails(events: Sequence[Event]) -> list[Mail]:
    notifications = [event for event in events if event.kind == Event.Kind.NOTIFICATION]
    rows = Message.objects.filter(notification__in=notifications).defer("header", "body")
    messages = {row.notification_id: row for row in rows.prefetch_related("deliveries__person")}
    people = Person.objects.in_bulk({pk for event in notifications for pk in event.data["recipients"]})
    return [_mail(event, messages.get(event.pk), people) for event in notifications]


def _mail(event: Event, message: Message | None, people: dict[int, Person]) -> Mail:
    deliveries = sorted(message.deliveries.all(), key=lambda row: row.pk) if message else []
    reached = {row.person_id for row in deliveries}
    left_out = [people[pk] for pk in event.data["recipients"] if pk in people and pk not in reached]
    return Mail(
        trigger_id=event.data.get("trigger_id"),
        trigger_title=event.data.get("trigger_title", ""),
        kind=event.data["message_kind"],
        subject=message.subject if message else "",
        recipients=[*map(_recipient, deliveries), *(_left_out(event, person) for person in left_out)],
    )


def _recipient(row: Delivery) -> Recipient:
    name = row.person.name if row.person else row.recipient
    return Recipient(row.person_id, name, row.recipient, row.role, _fate(row))


def _fate(row: Delivery) -> Fate:
    if row.state != State.HELD:
        return Fate.SENT
    return Fate.SUPPRESSED if row.hold_reason == SUPPRESSED else Fate.HELD


def _left_out(event: Event, person: Person) -> Recipient:
    """Somebody who was to be written to and got no delivery: without an address, or beyond the cap."""
    identity = person.identities.order_by("-primary", "id").first()
    role = Delivery.Role.TO if _is_main(event, person) else Delivery.Role.CC
    fate = Fate.CAPPED if identity else Fate.NO_ADDRESS
    return Recipient(person.pk, person.name, identity.address if identity else "", role, fate)


def _is_main(event: Event, person: Person) -> bool:
    return event.data["message_kind"] == Message.Kind.AGENT or event.ticket.requester_id == person.pk
