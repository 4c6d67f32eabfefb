"""How many of the last tickets a rule would have acted on. Reads a fixed number of queries, whatever the rule.

For a trigger every update of these tickets is seen as it was: fields, tags and counts are wound back event by event.
What is not kept by events (the requester's organisation and language, the delivery health) is seen as it is today.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from answerback.people.models import Account, Person
from answerback.rules import decide
from answerback.rules.conditions import CONDITIONS
from answerback.rules.definition import Kind, Use
from answerback.rules.update_seen import RELATED, History, Update, changes_in, count, deliveries_in, see_ticket
from answerback.tickets.models import Audit, Comment, Event, Ticket

LAST = 1000
_SHOWN = 5
_WOUND_BACK = ("subject", "status", "priority", "type", "assignee_id", "group_id", "requester_id")
_COUNTED = ("reopens", "replies", "agent_stations", "group_stations", "ticket_is_public")


@dataclass(frozen=True)
class Estimate:
    tickets: int  # that match
    looked_at: int
    examples: list[int]


def of(use: Use, conditions: decide.Conditions) -> Estimate:
    tickets = list(
        Ticket.objects.select_related(*RELATED).prefetch_related("tags").order_by("-updated_at", "-id")[:LAST]
    )
    found = _by_time(conditions, tickets) if use is Use.AUTOMATION else _by_updates(conditions, tickets)
    return Estimate(len(found), len(tickets), found[:_SHOWN])


def _by_time(conditions: decide.Conditions, tickets: list[Ticket]) -> list[int]:
    open_ones = [ticket for ticket in tickets if ticket.status != Ticket.Status.CLOSED]
    return [ticket.pk for ticket in open_ones if decide.matches(conditions, see_ticket(ticket))]


def _by_updates(conditions: decide.Conditions, tickets: list[Ticket]) -> list[int]:
    past = _Past(tickets, _asks(conditions, Kind.WORDS), _asks_counts(conditions))
    return [ticket.pk for ticket in tickets if any(decide.matches(conditions, seen) for seen in past.updates(ticket))]


def _rows(conditions: decide.Conditions) -> Iterator[dict[str, Any]]:
    for block in ("all", "any"):
        yield from conditions.get(block, [])


def _asks(conditions: decide.Conditions, kind: Kind) -> bool:
    return any(CONDITIONS[row["field"]].kind is kind for row in _rows(conditions) if row.get("field") in CONDITIONS)


def _asks_counts(conditions: decide.Conditions) -> bool:
    return any(row.get("field") in _COUNTED for row in _rows(conditions))


class _Past:
    """The updates of some tickets, read at once."""

    def __init__(self, tickets: list[Ticket], with_text: bool, with_counts: bool) -> None:
        ids = [ticket.pk for ticket in tickets]
        self._with_counts = with_counts
        self._audits = _grouped(Audit.objects.filter(ticket__in=ids).order_by("-id"), "ticket_id")
        self._events = _grouped(Event.objects.filter(ticket__in=ids).order_by("id"), "audit_id")
        comments = Comment.objects.filter(ticket__in=ids)
        if not with_text:
            comments = comments.defer("text", "html", "quoted_text", "quoted_html")
        self._comments = {comment.audit_id: comment for comment in comments.defer("html", "quoted_text", "quoted_html")}
        accounts = Account.objects.select_related("person")
        self._accounts = {account.person_id: account for account in accounts}
        authors = {audit.author_id for audits in self._audits.values() for audit in audits}
        self._people = Person.objects.in_bulk([pk for pk in authors if pk])

    def updates(self, ticket: Ticket) -> Iterator[Update]:
        """Newest first, each with the ticket as it was after it."""
        state, tags = copy.copy(ticket), frozenset(tag.name for tag in ticket.tags.all())
        audits = self._audits.get(ticket.pk, [])
        for number, audit in enumerate(audits):
            events = self._events.get(audit.pk, [])
            yield self._update(audits[number:], events, state, tags)
            state, tags = _before(state, tags, events)

    def _update(self, audits: list[Audit], events: list[Event], state: Ticket, tags: frozenset[str]) -> Update:
        audit, actor = audits[0], self._actor(audits)
        return Update(
            audit=audit,
            ticket=state,
            actor=actor,
            actor_account=self._accounts.get(actor.pk) if actor else None,
            created=any(event.kind == Event.Kind.CREATE for event in events),
            comment=self._comments.get(audit.pk),
            changed=changes_in(events),
            tags=tags,
            deliveries=deliveries_in(events),
            history=partial(self._history, audits) if self._with_counts else History,
        )

    def _actor(self, audits: list[Audit]) -> Person | None:
        """What rules did counts as done by whoever set them going."""
        for audit in audits:
            if audit.via != "rule":
                return self._people.get(audit.author_id or 0)
        return None

    def _history(self, audits: list[Audit]) -> History:
        ids = [audit.pk for audit in reversed(audits)]
        events = [event for pk in ids for event in self._events.get(pk, [])]
        counted = [
            (event.field, event.data) for event in events if event.field in ("status", "assignee_id", "group_id")
        ]
        public = [comment for pk in ids if (comment := self._comments.get(pk)) and comment.public]
        authors = [self._accounts.get(comment.author_id) for comment in public]
        return count(counted, [account.pk if account else None for account in authors])


def _before(state: Ticket, tags: frozenset[str], events: Iterable[Event]) -> tuple[Ticket, frozenset[str]]:
    changes = [event for event in events if event.kind == Event.Kind.CHANGE]
    if not changes:
        return state, tags
    earlier = copy.copy(state)
    for event in changes:
        previous = event.data.get("previous_value")
        if event.field == "tags":
            tags = frozenset(previous or ())
        elif event.field in _WOUND_BACK:
            earlier.__dict__[event.field] = previous or (None if event.field.endswith("_id") else "")
    return earlier, tags


def _grouped(rows: Iterable[Any], name: str) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        found[getattr(row, name)].append(row)
    return found
