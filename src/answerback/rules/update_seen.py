"""What a trigger looks at: one audit, the ticket as it is after it, and what it was before."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from answerback.people.models import Account, Person
from answerback.tickets.models import Audit, Comment, Event, Ticket


@dataclass
class Update:
    audit: Audit
    ticket: Ticket
    actor: Person | None
    actor_account: Account | None  # None for customers and the system
    created: bool
    comment: Comment | None
    changed: dict[str, tuple[Any, Any]]  # field -> (before, after); ids for people and groups
    tags: frozenset[str]
    failures: list[dict[str, Any]] = field(default_factory=list)  # payloads of DeliveryFailure events

    @property
    def role(self) -> str:
        """Who made the update: "agent", "end_user" or "system"."""
        if self.actor is None:
            return "system"
        return "agent" if self.actor_account else "end_user"


def see(audit: Audit, actor: Person | None) -> Update:
    """Read the audit once, in a fixed number of queries. `actor`: whose update set all this going."""
    events = list(audit.events.all())
    ticket = Ticket.objects.select_related(
        "requester", "assignee__person", "group", "support_address", "submitter"
    ).get(pk=audit.ticket_id)
    return Update(
        audit=audit,
        ticket=ticket,
        actor=actor,
        actor_account=Account.objects.select_related("person").filter(person=actor).first() if actor else None,
        created=any(event.kind == Event.Kind.CREATE for event in events),
        comment=Comment.objects.select_related("author").filter(audit=audit).first(),
        changed={
            event.field: (event.data.get("previous_value"), event.data.get("value"))
            for event in events
            if event.kind in (Event.Kind.CHANGE, Event.Kind.CREATE)
        },
        tags=frozenset(ticket.tags.values_list("name", flat=True)),
        failures=[event.data for event in events if _is_failure(event)],
    )


def _is_failure(event: Event) -> bool:
    """Also one that is open again because an answer on another ticket bounced."""
    if event.kind == Event.Kind.DELIVERY_NOTE:
        return event.data.get("note") == "failure_open_again" and "state" in event.data
    return event.kind == Event.Kind.DELIVERY_FAILURE
