"""What becomes of a delivery's outcome: tag, event on the ticket, triggers, the person's ledger, resolutions.

The unhandled `DeliveryEvent` rows are the queue. Each ticket's events are handled in one transaction and marked with
it, so that a crash leaves them to be picked up, and nothing is done twice.
"""

from __future__ import annotations

import logging
from itertools import groupby

from django.db import transaction
from django.db.models import QuerySet

from answerback.core import clock
from answerback.desk import effects, notices, ticket_health
from answerback.outbound import resolutions
from answerback.outbound.lifecycle import SUPPRESSED
from answerback.outbound.models import Delivery, DeliveryEvent, Message, Resolution
from answerback.people import identities
from answerback.tickets import update
from answerback.tickets.changes import TicketFact
from answerback.tickets.models import Event
from mailroom.causes import catalogue
from mailroom.causes.catalogue import Hardness
from mailroom.states import ARRIVED, Fact, State

log = logging.getLogger(__name__)

FAILED_STATES = frozenset({State.FAILED, State.CANCELLED})


def react(limit: int = 200) -> int:
    """Handle up to `limit` events, oldest first. Gives how many were handled."""
    handled = 0
    pending = list(_pending(limit))
    for ticket_id, events in groupby(sorted(pending, key=_by_ticket), key=lambda event: event.delivery.ticket_id):
        batch = list(events)
        try:
            with transaction.atomic():
                _react(ticket_id, batch)
        except Exception:  # one ticket's trouble must not stop the others; the rows stay and are tried again
            log.exception("delivery events of ticket %s could not be handled", ticket_id)
            continue
        handled += len(batch)
    return handled


def _pending(limit: int) -> QuerySet[DeliveryEvent]:
    rows = DeliveryEvent.objects.filter(handled_at__isnull=True).order_by("id")
    related = ("delivery__message", "delivery__person", "delivery__identity", "by__person")
    return rows.select_related(*related).defer("delivery__message__body", "delivery__message__header")[:limit]


def _by_ticket(event: DeliveryEvent) -> tuple[int, int]:
    return event.delivery.ticket_id or 0, event.pk


def _react(ticket_id: int | None, events: list[DeliveryEvent]) -> None:
    ours = DeliveryEvent.objects.filter(pk__in=[event.pk for event in events], handled_at__isnull=True)
    if ours.update(handled_at=clock.now()) != len(events):
        raise RuntimeError("another worker handled some of these events")  # rolled back; the next round sees the rest
    facts = [fact for event in events for fact in _facts_of(event)]
    for event in events:
        _tell_identity(event)
    if ticket_id is None:
        return
    audit = update.apply(ticket_id, ticket_health.changes_for(ticket_id, facts), None, update.SYSTEM)
    if audit:
        effects.run(audit)
        notices.tell_of_facts(ticket_id, facts)  # after the triggers: they may have handed the ticket to somebody


def _facts_of(event: DeliveryEvent) -> list[TicketFact]:
    """What the ticket's events tell of it. Mail to agents is not the ticket's."""
    delivery = event.delivery
    if delivery.ticket_id is None or delivery.kind == Message.Kind.AGENT:
        return []
    if event.fact == Fact.COMPLAINT:
        return [TicketFact(Event.Kind.DELIVERY_NOTE, _payload(event) | {"note": "complaint"})]
    if event.from_state == event.to_state and event.fact != Fact.HOLD:
        return []
    if _is_failure(event):
        reopened = [_reopened(row) for row in resolutions.reopen(delivery)]
        return [TicketFact(Event.Kind.DELIVERY_FAILURE, _payload(event)), *reopened]
    if event.to_state in ARRIVED:
        return _resolved_by(delivery)
    return []


def _is_failure(event: DeliveryEvent) -> bool:
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
        "match": event.match,
        "by": event.by.person.name if event.by else "",
        "by_id": event.by_id,
        "feedback_type": event.feedback_type,
    }


def _resolved_by(delivery: Delivery) -> list[TicketFact]:
    """An accepted resend, or an accepted "reply again", puts right what failed before for that person."""
    return [
        TicketFact(
            Event.Kind.DELIVERY_RESOLUTION,
            {
                "delivery_id": failed.pk,
                "recipient": failed.recipient,
                "person": failed.person.name if failed.person else failed.recipient,
                "how": how,
                "by_delivery_id": delivery.pk,
                "new_recipient": delivery.recipient,
            },
        )
        for failed, how in _put_right_by(delivery)
        if resolutions.resolve(failed, how, by_delivery=delivery)
    ]


def _put_right_by(delivery: Delivery) -> list[tuple[Delivery, str]]:
    found: list[tuple[Delivery, str]] = []
    older = delivery.resent_from
    while older is not None:
        if State(older.state) in FAILED_STATES or older.state == State.HELD:
            how = Resolution.How.RESENT if older.recipient == delivery.recipient else Resolution.How.CORRECTED
            found.append((older, how))
        older = older.resent_from
    if delivery.message.comment_id and delivery.person_id:
        replied = Delivery.objects.filter(
            replacements__comment_id=delivery.message.comment_id, person_id=delivery.person_id
        ).select_related("person")
        found += [(row, Resolution.How.REPLIED) for row in replied]
    return found


def _reopened(row: Resolution) -> TicketFact:
    return TicketFact(
        Event.Kind.DELIVERY_NOTE,
        {"note": "failure_open_again", "delivery_id": row.delivery_id, "recipient": row.delivery.recipient},
    )


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
            suppress=event.permanent and catalogue.load().cause(event.cause).hardness == Hardness.HARD,
            smtp_code=event.smtp_code,
            enhanced_code=event.enhanced_code,
        )
    elif event.to_state == State.DELIVERED or (event.to_state == State.ACCEPTED and delivery.final_hop):
        identities.record_success(delivery.identity.pk, event.pk, event.at)
