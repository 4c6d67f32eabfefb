"""What becomes of a delivery's outcome: tag, event on the ticket, triggers, the person's ledger, resolutions.

The unhandled `DeliveryEvent` rows are the queue. Each ticket's events are handled in one transaction and marked with
it, so that a crash leaves them to be picked up, and nothing is done twice.
"""

from __future__ import annotations

import logging
from itertools import groupby

from django.db import transaction
from django.db.models import QuerySet

from answerback.core import clock, db
from answerback.desk import ticket_health
from answerback.desk.fixing import fix_facts, putting_right
from answerback.desk.running_rules import effects
from answerback.desk.telling import notices
from answerback.outbound import resolutions, standing
from answerback.outbound.lifecycle import DELAY_WARNING, SUPPRESSED
from answerback.outbound.models import Delivery, DeliveryEvent, Message
from answerback.people import identities
from answerback.people.models import Account
from answerback.tickets import update
from answerback.tickets.changes import TicketFact
from answerback.tickets.models import Event
from mailroom.states import ARRIVED, Fact, State

log = logging.getLogger(__name__)

FAILED_STATES = frozenset({State.FAILED, State.CANCELLED})


class _OvertakenError(Exception):
    """Another worker handled some of these events first. Rolled back; the next round sees what is left."""


def react(limit: int = 200) -> int:
    """Handle up to `limit` events, oldest first. Gives how many were handled."""
    handled = 0
    pending = list(_pending(limit))
    for ticket_id, events in groupby(sorted(pending, key=_by_ticket), key=lambda event: event.delivery.ticket_id):
        batch = list(events)
        try:
            with transaction.atomic():
                _react(ticket_id, batch)
        except _OvertakenError:
            continue
        except Exception as error:  # one ticket's trouble must not stop the others; the rows stay and are tried again
            if db.is_in_trouble(error):
                raise
            log.exception("delivery events of ticket %s could not be handled", ticket_id)
            continue
        handled += len(batch)
    return handled


def _pending(limit: int) -> QuerySet[DeliveryEvent]:
    rows = DeliveryEvent.objects.filter(handled_at__isnull=True).order_by("id")
    related = ("message__comment", "message__notification", "person", "identity", "resent_by__person")
    rows = rows.select_related("by__person", *(f"delivery__{name}" for name in related))
    return rows.defer("delivery__message__body", "delivery__message__header")[:limit]


def _by_ticket(event: DeliveryEvent) -> tuple[int, int]:
    return event.delivery.ticket_id or 0, event.pk


def _react(ticket_id: int | None, events: list[DeliveryEvent]) -> None:
    ours = DeliveryEvent.objects.filter(pk__in=[event.pk for event in events], handled_at__isnull=True)
    if ours.update(handled_at=clock.now()) != len(events):
        raise _OvertakenError
    told: dict[int, list[TicketFact]] = {ticket_id: []} if ticket_id else {}
    for event in events:
        for about, fact in _facts_of(event):
            told.setdefault(about, []).append(fact)
    for event in events:
        _tell_identity(event)
    for about in sorted(told):  # an answer on another ticket may have put right what failed on this one
        audit = update.apply(about, ticket_health.changes_for(about, told[about]), None, update.SYSTEM)
        if audit:
            effects.run(audit)
            notices.tell_of_facts(about, told[about])  # after the triggers: they may have handed the ticket to somebody


def _facts_of(event: DeliveryEvent) -> list[tuple[int, TicketFact]]:
    """What the events of which ticket tell of it. Mail to agents is not the ticket's."""
    delivery = event.delivery
    if delivery.ticket_id is None or delivery.kind == Message.Kind.AGENT:
        return []
    if event.fact == Fact.COMPLAINT:
        return [(delivery.ticket_id, TicketFact(Event.Kind.DELIVERY_NOTE, _payload(event) | {"note": "complaint"}))]
    if event.fact == DELAY_WARNING:
        return [(delivery.ticket_id, _still_trying(event))]
    if event.from_state == event.to_state and event.fact != Fact.HOLD:
        return []
    if _is_failure(event):
        return _failed(event)
    late = [(delivery.ticket_id, _still_trying(event))] if event.fact == Fact.REPORT_DELAYED else []
    return late + (_resolved_by(delivery) if event.to_state in ARRIVED else [])


def _still_trying(event: DeliveryEvent) -> TicketFact:
    """Late, but no failure yet: for rules and for the events, and nothing that moves the ticket to the top."""
    return TicketFact(Event.Kind.DELIVERY_NOTE, _payload(event) | {"note": "still_trying"}, quiet=True)


def _is_failure(event: DeliveryEvent) -> bool:
    """Stopped only to be sent to another address at once is none."""
    if event.to_state == State.CANCELLED and resolutions.is_resolved(event.delivery):
        return False
    suppressed = event.to_state == State.HELD and event.delivery.hold_reason == SUPPRESSED
    return event.to_state in FAILED_STATES or suppressed


def _payload(event: DeliveryEvent) -> dict[str, object]:
    """What the event log keeps for good, whatever happens to the rows it came from."""
    delivery = event.delivery
    return {
        "delivery_id": delivery.pk,
        "notification_id": delivery.message.notification_id,
        "comment_id": delivery.message.comment_id,
        "trigger_title": delivery.message.trigger_title,
        "message_kind": delivery.kind,
        "recipient": delivery.recipient,
        "person_id": delivery.person_id,
        "person": delivery.person.name if delivery.person else delivery.recipient,
        "role": delivery.role,
        "state": event.to_state,
        "cause": event.cause,
        "smtp_code": event.smtp_code,
        "enhanced_code": event.enhanced_code,
        "diagnostic": event.diagnostic[:1000],
        "remote_mta": event.remote_mta,
        "permanent": event.permanent,
        "told_by": event.told_by,
        "match": event.match,
        "by": event.by.person.name if event.by else "",
        "by_id": event.by_id,
        "feedback_type": event.feedback_type,
        "unattended": _is_unattended(delivery),
    }


def _is_unattended(delivery: Delivery) -> bool:
    """No person's update caused the mail (desk.running_rules.effects says why that counts)."""
    notification = delivery.message.notification
    return bool(notification and notification.data.get("unattended"))


def _failed(event: DeliveryEvent) -> list[tuple[int, TicketFact]]:
    """With it, what it had put right is open again; unless for one or the other something else has arrived."""
    reopened = [row.delivery for row in resolutions.reopen(event.delivery)]
    settled = _settled_at_once(event.delivery)
    failure = TicketFact(Event.Kind.DELIVERY_FAILURE, _payload(event) | {"put_right": bool(settled)})
    still_open = [_reopened(failed, event) for failed in reopened if not _settled_at_once(failed)]
    return [(event.delivery.ticket_id or 0, failure), *settled, *still_open]


def _settled_at_once(failed: Delivery) -> list[tuple[int, TicketFact]]:
    found = putting_right.instead_of(failed)
    return _settled(failed, found[1], found[0]) if found else []


def _resolved_by(arrived: Delivery) -> list[tuple[int, TicketFact]]:
    """An accepted resend, or an accepted "reply again", puts right what failed before for that person."""
    return [fact for failed, how in putting_right.by(arrived) for fact in _settled(failed, how, arrived)]


def _settled(failed: Delivery, how: str, arrived: Delivery) -> list[tuple[int, TicketFact]]:
    """None where somebody saw to it before."""
    by = arrived.resent_by or _writer_of(arrived)
    if not resolutions.resolve(failed, how, by=by, by_delivery=arrived) or not failed.ticket_id:
        return []
    return [(failed.ticket_id, _put_right(failed, how, by, arrived))]


def _put_right(failed: Delivery, how: str, by: Account | None, delivery: Delivery) -> TicketFact:
    return fix_facts.resolution(
        failed,
        how,
        by,
        by_delivery_id=delivery.pk,
        new_recipient=delivery.recipient,
        by_ticket_id=delivery.ticket_id,
        unattended=_is_unattended(failed),
    )


def _writer_of(delivery: Delivery) -> Account | None:
    """Who wrote the answer."""
    comment = delivery.message.comment
    return Account.objects.select_related("person").filter(person=comment.author_id).first() if comment else None


def _reopened(failed: Delivery, event: DeliveryEvent) -> tuple[int, TicketFact]:
    """On another ticket the failure is news: its triggers are told as of a failure."""
    told = {
        "note": ticket_health.OPEN_AGAIN,
        "delivery_id": failed.pk,
        "recipient": failed.recipient,
        "person": standing.name_of(failed),
    }
    elsewhere = failed.ticket_id != event.delivery.ticket_id
    data = (_payload(event) if elsewhere else {}) | told
    return failed.ticket_id or 0, TicketFact(Event.Kind.DELIVERY_NOTE, data)


def _tell_identity(event: DeliveryEvent) -> None:
    """The person's ledger: only what the recipient's own side said counts for the address."""
    delivery = event.delivery
    if delivery.identity is None or delivery.identity.address != delivery.recipient:
        return
    if event.fact == Fact.COMPLAINT:
        identities.record_complaint(delivery.identity.pk, event.pk, event.at)
    elif event.to_state == State.FAILED and event.from_state != State.FAILED:
        identities.record_failure(
            delivery.identity.pk,
            event.pk,
            event.at,
            cause=event.cause,
            permanent=event.permanent,
            smtp_code=event.smtp_code,
            enhanced_code=event.enhanced_code,
        )
    elif event.to_state == State.DELIVERED or (event.to_state == State.ACCEPTED and delivery.final_hop):
        identities.record_success(delivery.identity.pk, event.pk, event.at)
