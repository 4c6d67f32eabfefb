"""From notifications to the outbox: of each one Message, and one Delivery for each recipient.

Policy: runs inside the caller's transaction, so that a comment and its mail stand or fall together. An address that
hard causes have suppressed gets a delivery that is held, with the cause, so that the agent sees it at once. Automatic
mail to customers is capped per address (AUTOMATIC_PER_HOUR, AUTOMATIC_PER_DAY): what is beyond gets no delivery, which
stops loops and mail bombs. Answers of agents are never capped.

However many notifications come together, they take one statement for each table and one for each question.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain

from django.conf import settings
from django.db import connection, transaction

from answerback.core import bulk, clock, db, ids, live
from answerback.outbound import failure_feed, lifecycle, lost_time, resolutions
from answerback.outbound.destinations import destination_of
from answerback.outbound.models import Delivery, Message, Resolution
from answerback.outbound.senders import sender_of
from answerback.outbound.tokens import Signer
from answerback.people import identities
from answerback.people.models import Account, Identity, Person
from answerback.store import blobs
from answerback.tickets.models import Attachment, Comment, Event, Participant, SupportAddress, Ticket
from mailroom.address import Address
from mailroom.compose import Outgoing, OutgoingPart, compose, with_recipients
from mailroom.states import Fact, State

Kind = Message.Kind
Role = Delivery.Role

STILL_HERE = frozenset({State.QUEUED, State.DEFERRED})  # nobody else has taken the mail

_AUTOMATIC_MAIL = """
    SELECT identity_id, COUNT(*), COUNT(*) FILTER (WHERE queued_at > %s) FROM outbound_delivery
    WHERE kind = %s AND queued_at > %s AND identity_id IN ({ids}) GROUP BY identity_id
"""


@dataclass(frozen=True)
class Recipient:
    person: Person | None
    identity: Identity | None  # None: the person has no address, and gets no delivery
    participant: Participant | None  # whose token the Reply-To carries
    role: str  # "to", "cc"
    address: str = ""  # of somebody who is no person of ours, such as in a test of sending

    @property
    def spec(self) -> str:
        return self.identity.address if self.identity else self.address


@dataclass(frozen=True)
class Notification:
    """One thing to say to some people. Attachments are stored files; texts are ready to send."""

    kind: str  # Message.Kind
    support_address: SupportAddress | None
    subject: str
    text: str
    recipients: Sequence[Recipient]
    language: str
    html: str = ""
    ticket: Ticket | None = None
    comment: Comment | None = None
    event: Event | None = None
    trigger_id: int | None = None
    trigger_title: str = ""
    author_name: str = ""  # the agent, in From
    attachments: Sequence[Attachment] = ()
    in_reply_to: Sequence[str] = field(default_factory=list)
    references: Sequence[str] = field(default_factory=list)
    auto_submitted: bool = True


def enqueue(notifications: Sequence[Notification]) -> list[Message]:
    """Write their messages and deliveries. A notification of which nobody is left to write to has no message."""
    with transaction.atomic(savepoint=False):
        now = clock.now()
        mails = _within_caps(notifications, now)
        if not mails:
            return []
        messages = _messages(mails, now)
        copies = [
            [_delivery(message, one, now) for one in recipients]
            for message, (_, recipients) in zip(messages, mails, strict=True)
        ]
        bulk.insert(messages)  # the first to be written: on SQLite nobody else writes from here on
        for message, of_message in zip(messages, copies, strict=True):
            for row in of_message:
                row.message_id = message.pk
        _write_deliveries(list(chain.from_iterable(copies)))
    return messages


def resend(deliveries: Sequence[Delivery], by: Account | None, new_address: Identity | None = None) -> list[Delivery]:
    """The same messages again, each as a new delivery linked to the old one. `by` None: a rule wants it.

    Goes to `new_address`, else to the identity's address of today, else to the old address. Where the address is
    another one, To and Cc of the copy name it.
    """
    with transaction.atomic():
        rows, now = [], clock.now()
        for old in deliveries:
            identity = new_address or old.identity
            row = _delivery(old.message, Recipient(old.person, identity, None, old.role, old.recipient), now)
            row.message, row.person, row.identity = old.message, old.person, identity
            row.participant_id, row.resent_from, row.resent_by = old.participant_id, old, by
            if row.recipient != old.recipient:
                row.header = _header_naming(row, old)
            elif old.header is not None:
                row.header = old.header
            rows.append(row)
        return _write_deliveries(rows)


def take_back(sent: Delivery, by: Account) -> bool:
    """Stop a resend that still waits. It was no attempt then: what it was to mend stands as it did before.

    The caller has locked it. False where it is too late: it went, or may have gone.
    """
    if sent.resent_from_id is None or sent.state not in STILL_HERE or sent.ambiguous:
        return False
    resolutions.resolve(sent, Resolution.How.TAKEN_BACK, by=by)
    stopped = bool(lifecycle.decide([sent.pk], Fact.CANCEL, by))
    Delivery.objects.filter(pk=sent.pk).update(resent_from=None, failed_at=None)
    return stopped


# Caps


def _within_caps(notifications: Sequence[Notification], now: datetime) -> list[tuple[Notification, list[Recipient]]]:
    """With the recipients that each may go to; without those of which nobody is left."""
    capped = [one for notification in notifications if _is_capped(notification) for one in notification.recipients]
    by_hour, by_day = _automatic_mail({one.identity.pk for one in capped if one.identity}, now)
    mails = []
    for notification in notifications:
        recipients = [one for one in notification.recipients if one.spec]
        if _is_capped(notification):
            recipients = [one for one in recipients if not _is_beyond_cap(one, by_hour, by_day)]
            written = [one.identity.pk for one in recipients if one.identity]
            by_hour.update(written)
            by_day.update(written)
        if recipients:
            mails.append((notification, recipients))
    return mails


def _is_capped(notification: Notification) -> bool:
    return notification.kind == Kind.AUTOMATIC


def _is_beyond_cap(recipient: Recipient, by_hour: Counter[int], by_day: Counter[int]) -> bool:
    """Whether the address has had as much automatic mail as it may get for now."""
    return recipient.identity is not None and (
        by_hour[recipient.identity.pk] >= settings.AUTOMATIC_PER_HOUR
        or by_day[recipient.identity.pk] >= settings.AUTOMATIC_PER_DAY
    )


def _automatic_mail(identity_ids: set[int], now: datetime) -> tuple[Counter[int], Counter[int]]:
    """How much automatic mail each was written in the last hour, and in the last day."""
    by_hour, by_day = Counter[int](), Counter[int]()
    hour, day = (connection.ops.adapt_datetimefield_value(now - timedelta(hours=hours)) for hours in (1, 24))
    for pk, of_day, of_hour in db.rows_of(_AUTOMATIC_MAIL, identity_ids, [hour, Kind.AUTOMATIC, day]):
        by_day[pk], by_hour[pk] = of_day, of_hour
    return by_hour, by_day


# Messages


def _messages(mails: Sequence[tuple[Notification, list[Recipient]]], now: datetime) -> list[Message]:
    """Not saved."""
    signer = Signer.current()
    return [_message(notification, recipients, signer, now) for notification, recipients in mails]


def _message(notification: Notification, recipients: Sequence[Recipient], signer: Signer, now: datetime) -> Message:
    email_id, sender = ids.ulid(now), _sender(notification)
    ticket, comment, event = notification.ticket, notification.comment, notification.event
    message_id = signer.message_id(ticket.pk if ticket else None, email_id.lower(), sender.domain)
    composed = compose(_outgoing(notification, recipients, message_id, sender, now))
    return bulk.new(
        Message,
        kind=notification.kind,
        ticket_id=ticket.pk if ticket else None,
        comment_id=comment.pk if comment else None,
        notification_id=event.pk if event else None,
        trigger_id=notification.trigger_id,
        trigger_title=notification.trigger_title[:200],
        support_address_id=notification.support_address.pk if notification.support_address else None,
        email_id=email_id,
        message_id=message_id,
        subject=db.storable(notification.subject, 998),
        header=composed.header,
        body=composed.body,
        smtputf8=composed.smtputf8,
        language=notification.language,
        size=len(composed.header) + len(composed.body),
        created_at=now,
    )


def _sender(notification: Notification) -> Address:
    """`Ada, Acme Support <support@acme.example>`; system mail without a support address comes from postmaster."""
    support = notification.support_address
    local, _, domain = sender_of(support).rpartition("@")
    return Address(local, domain, ", ".join(filter(None, [notification.author_name, support.name if support else ""])))


def _outgoing(
    notification: Notification, recipients: Sequence[Recipient], message_id: str, sender: Address, now: datetime
) -> Outgoing:
    return Outgoing(
        message_id=message_id,
        date=now,
        from_=sender,
        subject=notification.subject,
        to=[_named(one.spec, one.person) for one in recipients if one.role == Role.TO],
        cc=[_named(one.spec, one.person) for one in recipients if one.role == Role.CC],
        text=notification.text,
        html=notification.html,
        in_reply_to=next(iter(notification.in_reply_to), ""),
        references=notification.references,
        attachments=[_part(file) for file in notification.attachments],
        auto_submitted=notification.auto_submitted,
        language=notification.language,
    )


def _named(spec: str, person: Person | None) -> Address:
    local, _, domain = spec.rpartition("@")
    return Address(local, domain, person.name if person else "")


def _part(file: Attachment) -> OutgoingPart:
    return OutgoingPart(
        file_name=file.file_name,
        content_type=file.content_type,
        content=blobs.read(file.blob),
        content_id=file.content_id,
        inline=file.inline,
    )


# Deliveries


def _delivery(message: Message, to: Recipient, now: datetime) -> Delivery:
    """Due at once, or held where the address is suppressed. Not saved."""
    row = bulk.new(
        Delivery,
        message_id=message.pk,
        ticket_id=message.ticket_id,
        kind=message.kind,
        person_id=to.person.pk if to.person else None,
        identity_id=to.identity.pk if to.identity else None,
        participant_id=to.participant.pk if to.participant else None,
        recipient=to.spec,
        role=to.role,
        state=State.QUEUED,
        destination=destination_of(to.spec),
        priority=0 if message.kind == Kind.ANSWER else 1,
        next_attempt_at=now,
        queued_at=now,
        updated_at=now,
    )
    if to.identity and identities.is_suppressed(to.identity, now):
        lifecycle.suppress(row, to.identity)
    return row


def _write_deliveries(rows: list[Delivery]) -> list[Delivery]:
    if not rows:
        return rows
    lost_time.begin(rows)
    bulk.insert(rows)
    held = [row for row in rows if row.state == State.HELD]
    bulk.insert([lifecycle.event_of(row, Fact.HOLD, State.QUEUED, row.queued_at) for row in held])
    failure_feed.note(row.pk for row in held)
    live.publish(*sorted({live.DELIVERY if row.state == State.HELD else live.OUTBOX for row in rows}))
    return rows


def _header_naming(row: Delivery, old: Delivery) -> bytes:
    """The header block of a corrected copy: the old one, with To and Cc as they are now."""
    siblings = Delivery.objects.filter(message_id=old.message_id).select_related("person").defer("header")
    rows = list(siblings.order_by("id"))
    replaced = {sibling.resent_from_id for sibling in rows} | {old.pk}
    current = [*(sibling for sibling in rows if sibling.pk not in replaced), row]
    to, cc = (
        list({one.recipient: _named(one.recipient, one.person) for one in current if one.role == role}.values())
        for role in (Role.TO, Role.CC)
    )
    return with_recipients(bytes(old.header or old.message.header), to, cc)
