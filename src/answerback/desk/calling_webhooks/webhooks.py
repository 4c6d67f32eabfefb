"""Which webhooks are called, and what they are told. Storing is all that happens here: workers.call_webhooks sends.

Policy: delivery failures, resolutions and complaints of a ticket are told to every active webhook that asked for them.
The id of the event is made from the ticket's own event, so that nothing is told twice, whatever is repeated. Mail to
agents never is a ticket's failure, so it is not told. docs/webhooks.md promises the shapes.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder

from answerback.core import clock, ids, live
from answerback.outbound import standing
from answerback.rules.models import Webhook, WebhookCall
from answerback.tickets.models import Audit, Comment, Event, Ticket

FAILED, RESOLVED, COMPLAINT = "delivery.failed", "delivery.resolved", "delivery.complaint"
TRIGGER, TEST = "trigger", "test"
TOPIC = "webhooks"
_TOLD = (Event.Kind.DELIVERY_FAILURE, Event.Kind.DELIVERY_RESOLUTION, Event.Kind.DELIVERY_NOTE)
# what of an event's data a receiver gets, and under which name
_DELIVERY = {
    "delivery_id": "id",
    "comment_id": "comment_id",
    "notification_id": "notification_id",
    "trigger_title": "trigger",
    "message_kind": "kind",
    "recipient": "recipient",
    "person_id": "person_id",
    "person": "person",
    "role": "role",
    "state": "state",
    "cause": "cause",
    "smtp_code": "smtp_code",
    "enhanced_code": "enhanced_code",
    "diagnostic": "diagnostic",
    "remote_mta": "remote_mta",
    "told_by": "told_by",
    "permanent": "permanent",
    "match": "matched_by",
    "by": "stopped_by",
    "feedback_type": "feedback_type",
}
_RESOLUTION = {
    "delivery_id": "delivery_id",
    "recipient": "recipient",
    "person": "person",
    "how": "how",
    "by": "by",
    "note": "note",
    "by_delivery_id": "by_delivery_id",
    "new_recipient": "new_recipient",
}
log = logging.getLogger(__name__)


def call(webhook_id: int, event: str, payload: Mapping[str, Any]) -> bool:
    """Tell one webhook of `event`. Belongs into the caller's transaction. False where it is off or gone: not called."""
    webhook = Webhook.objects.filter(pk=webhook_id, active=True).first()
    if webhook is None:
        log.warning("webhook %s is to be called (%s), but is off or gone", webhook_id, event)
        return False
    _store([webhook.pk], event, ids.message_uuid(), payload)
    return True


def tell(audit: Audit) -> None:
    """Tell of what became of the ticket's mail in this update. A fixed number of queries where nothing did."""
    events = list(audit.events.filter(kind__in=_TOLD).order_by("id"))
    if not events:
        return
    webhooks = list(Webhook.objects.filter(active=True))
    if not webhooks:
        return
    ticket = ticket_payload(audit.ticket_id)
    for event in events:
        name = _name_of(event)
        listening = [webhook.pk for webhook in webhooks if name in webhook.events]
        if listening:
            _store(listening, name, f"event-{event.pk}", {"ticket": ticket, **_details(name, event.data)})


def test(webhook: Webhook) -> WebhookCall:
    """A call that an admin asked for, also of a webhook that is off."""
    event_id = ids.message_uuid()
    _store([webhook.pk], TEST, event_id, {"text": "This is a test call. Nothing happened."})
    return WebhookCall.objects.get(webhook=webhook, event_id=event_id)


def replay(old: WebhookCall) -> WebhookCall:
    """The same event once more, with the same id: a receiver that has it already knows it."""
    now = clock.now()
    again = WebhookCall.objects.create(
        webhook_id=old.webhook_id,
        event=old.event,
        event_id=old.event_id,
        body=old.body,
        replay=True,
        next_attempt_at=now,
        created_at=now,
    )
    live.publish(TOPIC)
    return again


def ticket_payload(ticket_id: int) -> dict[str, Any]:
    """A ticket as every call shows it."""
    ticket = Ticket.objects.select_related("requester", "assignee__person", "group").get(pk=ticket_id)
    return {
        "id": ticket.pk,
        "url": f"{settings.BASE_URL}/tickets/{ticket.pk}",
        "subject": ticket.subject,
        "status": ticket.status,
        "priority": ticket.priority,
        "type": ticket.type,
        "requester": {"id": ticket.requester_id, "name": ticket.requester.name},
        "assignee": {"name": ticket.assignee.person.name, "email": ticket.assignee.email} if ticket.assignee else None,
        "group": {"id": ticket.group_id, "name": ticket.group.name} if ticket.group else None,
        "tags": sorted(ticket.tags.values_list("name", flat=True)),
    }


def trigger_payload(ticket_id: int, title: str, comment: Comment | None) -> dict[str, Any]:
    """What a webhook hears that a trigger or an automation calls."""
    said = None
    if comment:
        said = {"id": comment.pk, "public": comment.public, "author": comment.author.name, "text": comment.text}
    return {"ticket": ticket_payload(ticket_id), "rule": title, "comment": said}


def _name_of(event: Event) -> str:
    match event.kind:
        case Event.Kind.DELIVERY_FAILURE:
            return FAILED
        case Event.Kind.DELIVERY_RESOLUTION:
            return RESOLVED
    return COMPLAINT if event.data.get("note") == "complaint" else ""


def _details(name: str, data: Mapping[str, Any]) -> dict[str, Any]:
    if name == RESOLVED:
        return {"resolution": {told: data[key] for key, told in _RESOLUTION.items() if key in data}}
    told = {told: data[key] for key, told in _DELIVERY.items() if key in data}
    return {"delivery": told | {"cause_text": standing.cause_name(data["cause"]) if data.get("cause") else ""}}


def _store(webhook_ids: Sequence[int], event: str, event_id: str, payload: Mapping[str, Any]) -> None:
    """One row for each webhook. What is stored already is not stored again."""
    now = clock.now()
    envelope = {"id": event_id, "type": event, "time": now, **payload}
    body = json.dumps(envelope, cls=DjangoJSONEncoder, ensure_ascii=False)
    shared = {"event": event, "event_id": event_id, "body": body, "next_attempt_at": now, "created_at": now}
    WebhookCall.objects.bulk_create(
        [WebhookCall(webhook_id=webhook_id, **shared) for webhook_id in webhook_ids], ignore_conflicts=True
    )
    live.publish(TOPIC)
