"""What a rule looks at: one audit, the ticket as it is after it, and what it was before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import Any

from answerback.people.models import Account, Person
from answerback.tickets.models import Audit, Comment, Event, Ticket

Kind = Event.Kind
# DELIVERY_NOTE's `note` -> what conditions call it
_NOTES = {"complaint": "complaint", "failure_open_again": "reopened", "still_trying": "trying"}
RELATED = ("requester", "assignee__person", "group", "support_address", "submitter")


@dataclass(frozen=True)
class History:
    """What only the whole ticket can tell. Read where a condition asks for it."""

    reopens: int = 0  # solved, and then open again
    replies: int = 0  # public comments by agents
    agent_stations: int = 0  # how many agents have had it
    group_stations: int = 0
    public: bool = False  # has a public comment


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
    # payloads of delivery events, and under "event" what each is: failed, resolved, complaint, reopened, trying
    deliveries: list[dict[str, Any]] = field(default_factory=list)
    history: Callable[[], History] = History

    @property
    def role(self) -> str:
        """Who made the update: "agent", "end_user" or "system"."""
        if self.actor is None:
            return "system"
        return "agent" if self.actor_account else "end_user"

    @property
    def failures(self) -> list[dict[str, Any]]:
        return [payload for payload in self.deliveries if payload["event"] == "failed"]

    @property
    def unattended(self) -> bool:
        """No person's doing: the system noted something, or time passed."""
        return self.actor is None

    def about(self, deliveries: Sequence[dict[str, Any]]) -> Update:
        """The same update, with only these delivery events in view."""
        return replace(self, deliveries=list(deliveries))


def see(audit: Audit, actor: Person | None) -> Update:
    """Read the audit once, in a fixed number of queries. `actor`: whose update set all this going."""
    events = list(audit.events.all())
    ticket = Ticket.objects.select_related(*RELATED).get(pk=audit.ticket_id)
    return Update(
        audit=audit,
        ticket=ticket,
        actor=actor,
        actor_account=Account.objects.select_related("person").filter(person=actor).first() if actor else None,
        created=any(event.kind == Kind.CREATE for event in events),
        comment=Comment.objects.select_related("author").filter(audit=audit).first(),
        changed=changes_in(events),
        tags=frozenset(ticket.tags.values_list("name", flat=True)),
        deliveries=deliveries_in(events),
        history=cache(partial(read_history, ticket.pk)),
    )


def see_ticket(ticket: Ticket) -> Update:
    """The ticket without an update, for automations. Reads its tags, unless they are there already."""
    return Update(
        audit=Audit(ticket=ticket, via="rule"),
        ticket=ticket,
        actor=None,
        actor_account=None,
        created=False,
        comment=None,
        changed={},
        tags=frozenset(tag.name for tag in ticket.tags.all()),
        history=cache(partial(read_history, ticket.pk)),
    )


def see_again(seen: Update) -> Update:
    """The same update after a rule has changed the ticket."""
    ticket = Ticket.objects.select_related(*RELATED).get(pk=seen.ticket.pk)
    history = cache(partial(read_history, ticket.pk))
    return replace(seen, ticket=ticket, tags=frozenset(ticket.tags.values_list("name", flat=True)), history=history)


def changes_in(events: Iterable[Event]) -> dict[str, tuple[Any, Any]]:
    return {
        event.field: (event.data.get("previous_value"), event.data.get("value"))
        for event in events
        if event.kind in (Kind.CHANGE, Kind.CREATE)
    }


def deliveries_in(events: Iterable[Event]) -> list[dict[str, Any]]:
    return [event.data | {"event": name} for event in events if (name := _delivery_event(event))]


def _delivery_event(event: Event) -> str:
    match event.kind:
        case Kind.DELIVERY_FAILURE:  # is no news where another mail has arrived in its stead
            return "" if event.data.get("put_right") else "failed"
        case Kind.DELIVERY_RESOLUTION:
            return "resolved"
        case Kind.DELIVERY_NOTE:
            return "failed" if _is_news(event) else _NOTES.get(event.data.get("note", ""), "")
    return ""


def _is_news(event: Event) -> bool:
    """A failure that is open again because an answer on another ticket bounced."""
    return event.data.get("note") == "failure_open_again" and "state" in event.data


def read_history(ticket_id: int) -> History:
    """In two queries."""
    fields = ("status", "assignee_id", "group_id")
    changes = Event.objects.filter(ticket=ticket_id, kind__in=(Kind.CREATE, Kind.CHANGE), field__in=fields)
    public = Comment.objects.filter(ticket=ticket_id, public=True)
    by_agents = list(public.values_list("author__account", flat=True))
    return count(changes.order_by("id").values_list("field", "data"), by_agents)


def count(changes: Iterable[tuple[str, dict[str, Any]]], public_authors: Sequence[int | None]) -> History:
    """`changes` of a ticket, oldest first; `public_authors`: the author's account of each public comment, if any."""
    reopens, agents, groups = 0, set(), set()
    for name, data in changes:
        before, after = data.get("previous_value"), data.get("value")
        if name == "assignee_id" and after:
            agents.add(after)
        elif name == "group_id" and after:
            groups.add(after)
        elif before == Ticket.Status.SOLVED and after != Ticket.Status.CLOSED:
            reopens += 1
    return History(
        reopens=reopens,
        replies=sum(author is not None for author in public_authors),
        agent_stations=len(agents),
        group_stations=len(groups),
        public=bool(public_authors),
    )
