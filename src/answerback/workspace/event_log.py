"""The events of a ticket, as people read them: every update with its changes, its mail, and what became of that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext

from answerback.outbound import standing
from answerback.outbound.standing import Chain
from answerback.people.models import Account, Group, Person
from answerback.tickets.models import Audit, Event, Ticket
from answerback.workspace import words

_PEOPLE: dict[str, Callable[[set[int]], QuerySet[Any]]] = {
    "assignee_id": lambda ids: Account.objects.select_related("person").filter(pk__in=ids),
    "group_id": lambda ids: Group.objects.filter(pk__in=ids),
    "requester_id": lambda ids: Person.objects.filter(pk__in=ids),
}
Kind = Event.Kind


@dataclass(frozen=True)
class Change:
    field: str
    before: str
    after: str


@dataclass(frozen=True)
class Notification:
    """A mail that the update caused: the trigger, and each recipient with the whole chain of deliveries."""

    event_id: int
    trigger: str
    rule_kind: str  # trigger, automation
    rule_id: int | None
    chains: Sequence[Chain]


@dataclass
class Update:
    """One audit."""

    audit: Audit
    changes: list[Change] = field(default_factory=list)
    comments: list[Event] = field(default_factory=list)
    notifications: list[Notification] = field(default_factory=list)
    facts: list[Event] = field(default_factory=list)  # failures, resolutions and notes about deliveries


def of(ticket: Ticket) -> list[Update]:
    """In time order, in a fixed number of queries."""
    audits = list(
        Audit.objects.filter(ticket=ticket).select_related("author").prefetch_related("events").order_by("id")
    )
    names = _names([event for audit in audits for event in audit.events.all()])
    sent = standing.of_notifications(ticket.pk)
    return [_update(audit, names, sent) for audit in audits]


def _update(audit: Audit, names: dict[tuple[str, int], str], sent: dict[int, list[Chain]]) -> Update:
    update = Update(audit)
    for event in sorted(audit.events.all(), key=lambda event: event.pk):
        match event.kind:
            case Kind.CREATE | Kind.CHANGE | Kind.CC_CHANGE:
                update.changes.append(_change(event, names))
            case Kind.COMMENT:
                update.comments.append(event)
            case Kind.NOTIFICATION:
                update.notifications.append(_notification(event, sent.get(event.pk, ())))
            case _:
                update.facts.append(event)
    return update


def _notification(event: Event, chains: Sequence[Chain]) -> Notification:
    title = event.data.get("trigger_title")
    return Notification(
        event.pk,
        trigger=gettext(title) if title else "",
        rule_kind=event.data.get("rule_kind", "trigger"),
        rule_id=event.data.get("trigger_id"),
        chains=chains,
    )


def _change(event: Event, names: dict[tuple[str, int], str]) -> Change:
    return Change(
        field="CC" if event.kind == Kind.CC_CHANGE else words.field_name(event.field),
        before=_value(event.field, event.data.get("previous_value"), names),
        after=_value(event.field, event.data.get("value"), names),
    )


def _value(name: str, value: object, names: dict[tuple[str, int], str]) -> str:
    if name in _PEOPLE and isinstance(value, int):
        return names.get((name, value), f"#{value}")
    return words.value_name(name, value)


def _names(events: Sequence[Event]) -> dict[tuple[str, int], str]:
    """Names of the people and groups that changes speak of: one query per kind."""
    wanted: dict[str, set[int]] = {name: set() for name in _PEOPLE}
    for event in events:
        if event.field in wanted:
            values = (event.data.get("value"), event.data.get("previous_value"))
            wanted[event.field].update(value for value in values if isinstance(value, int))
    found: dict[tuple[str, int], str] = {}
    for name, rows_of in _PEOPLE.items():
        found |= {(name, row.pk): str(row) for row in rows_of(wanted[name])}
    return found
