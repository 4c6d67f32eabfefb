"""The one way a ticket comes to be and changes: every update is an Audit with Events, and wakes the open pages.

Callers hold a transaction; what follows an update (triggers, mail) is the desk's matter.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction

from answerback.core import clock, ids, live
from answerback.people.models import Person
from answerback.tickets import file_links, participants
from answerback.tickets.changes import UNSET, ByRule, Changes, NewAttachment, NewComment, NewTicket
from answerback.tickets.models import Attachment, Audit, Comment, Event, Participant, Tag, Ticket

STATUS_RANK = {status: rank for rank, status in enumerate(Ticket.Status)}
PRIORITY_RANK = {"": 0} | {priority: rank for rank, priority in enumerate(Ticket.Priority, start=1)}
SYSTEM = "system"


class TicketClosedError(Exception):
    """A closed ticket is history: only the system still notes what became of its mail."""


def create(new: NewTicket) -> Audit:
    """Write the ticket with its participants and first comment. Gives the audit; `audit.ticket` is the ticket."""
    with transaction.atomic():
        ticket = _insert(new)
        audit = Audit.objects.create(ticket=ticket, author=new.submitter, via=new.via, created_at=ticket.created_at)
        _take_participants(ticket, new)
        Tag.objects.bulk_create(Tag(ticket=ticket, name=name) for name in clean_tags(new.tags))
        Event.objects.bulk_create(_creation_events(audit, new))
        if new.comment:
            _write_comment(audit, new.comment(ticket) if callable(new.comment) else new.comment)
        _publish(ticket)
    return audit


def apply(ticket_id: int, changes: Changes, actor: Person | None, via: str, rule: ByRule | None = None) -> Audit | None:
    """Carry out `changes`. None where nothing is different afterwards. TicketClosedError, Ticket.DoesNotExist."""
    with transaction.atomic():
        ticket = Ticket.objects.select_for_update(no_key=True).get(pk=ticket_id)
        if ticket.status == Ticket.Status.CLOSED and via != SYSTEM:
            raise TicketClosedError(ticket_id)
        events = _field_events(ticket, changes) + _tag_events(ticket, changes) + _cc_events(ticket, changes)
        events += [Event(kind=fact.kind, data=fact.data) for fact in changes.facts]
        quiet = _set_delivery_fields(ticket, changes)
        if not events and not changes.comment:
            if quiet:
                ticket.save()
                _publish(ticket)
            return None
        now = clock.now()
        audit = Audit.objects.create(ticket=ticket, author=actor, via=via, created_at=now, **_rule_of(rule))
        for event in events:
            event.audit, event.ticket = audit, ticket
        Event.objects.bulk_create(events)
        if changes.comment:
            _write_comment(audit, changes.comment)
        if changes.comment or len(events) > sum(fact.quiet for fact in changes.facts):
            _set_moments(ticket, events, actor, now)
        ticket.save()
        _publish(ticket)
    return audit


def add_event(audit: Audit, kind: Event.Kind, data: dict[str, Any]) -> Event:
    """A further part of an update under way: the notification it caused."""
    return Event.objects.create(audit=audit, ticket_id=audit.ticket_id, kind=kind, data=data)


def clean_tags(names: Iterable[str]) -> list[str]:
    """Tags as Zendesk writes them: lower case, no spaces, each once, in the order given."""
    seen: dict[str, None] = {}
    for name in names:
        for word in name.lower().split():
            seen.setdefault(word[:100])
    return list(seen)


def _insert(new: NewTicket) -> Ticket:
    now = clock.now()
    return Ticket.objects.create(
        subject=new.subject[:500],
        status=new.status,
        status_rank=STATUS_RANK[Ticket.Status(new.status)],
        priority=new.priority,
        priority_rank=PRIORITY_RANK[new.priority],
        type=new.type,
        requester=new.requester,
        submitter=new.submitter,
        assignee=new.assignee,
        group=new.group or new.support_address.group,
        support_address=new.support_address,
        via=new.via,
        follow_up_of=new.follow_up_of,
        created_at=now,
        updated_at=now,
        solved_at=now if new.status == Ticket.Status.SOLVED else None,
        status_at=now,
        assigned_at=now if new.assignee else None,
        requester_updated_at=now if new.submitter == new.requester else None,
        assignee_updated_at=now if new.assignee and new.submitter == new.assignee.person else None,
    )


def _take_participants(ticket: Ticket, new: NewTicket) -> None:
    participants.ensure(ticket, new.requester, Participant.Role.REQUESTER)
    for person in new.ccs:
        participants.ensure(ticket, person, Participant.Role.CC)
    for person in new.unconfirmed_ccs:
        participants.ensure(ticket, person, Participant.Role.CC, confirmed=False)


def _creation_events(audit: Audit, new: NewTicket) -> list[Event]:
    ticket = audit.ticket
    values: dict[str, Any] = {
        "subject": ticket.subject,
        "status": ticket.status,
        "priority": ticket.priority,
        "type": ticket.type,
        "requester_id": ticket.requester_id,
        "assignee_id": ticket.assignee_id,
        "group_id": ticket.group_id,
        "tags": clean_tags(new.tags),
    }
    return [
        Event(audit=audit, ticket=ticket, kind=Event.Kind.CREATE, field=field, data={"value": value})
        for field, value in values.items()
        if value
    ]


def _field_events(ticket: Ticket, changes: Changes) -> list[Event]:
    """Set the plain fields and tell what changed, in the words of a Zendesk Change event."""
    wanted: dict[str, Any] = {
        name: value
        for name in ("subject", "status", "priority", "type")
        if (value := getattr(changes, name)) is not UNSET
    }
    for name in ("assignee", "group", "requester", "merged_into"):
        if (value := getattr(changes, name)) is not UNSET:
            wanted[f"{name}_id"] = value.pk if value else None
    if wanted.get("assignee_id") and ticket.status == Ticket.Status.NEW:
        wanted.setdefault("status", Ticket.Status.OPEN)
    events = []
    for name, value in wanted.items():
        before = getattr(ticket, name)
        if before == value:
            continue
        setattr(ticket, name, value)
        events.append(
            Event(kind=Event.Kind.CHANGE, field=name, data={"value": value or "", "previous_value": before or ""})
        )
        if name == "requester_id":
            participants.change_requester(ticket, Person.objects.get(pk=value))
    ticket.status_rank = STATUS_RANK[Ticket.Status(ticket.status)]
    ticket.priority_rank = PRIORITY_RANK[ticket.priority]
    if ticket.status in (Ticket.Status.SOLVED, Ticket.Status.CLOSED):
        ticket.solved_at = ticket.solved_at or clock.now()
    else:
        ticket.solved_at = None
    return events


def _set_moments(ticket: Ticket, events: Iterable[Event], actor: Person | None, now: datetime) -> None:
    """What automations count hours from."""
    changed = {event.field for event in events}
    ticket.updated_at = now
    if "status" in changed:
        ticket.status_at = now
    if "assignee_id" in changed:
        ticket.assigned_at = now if ticket.assignee_id else None
    if actor and actor.pk == ticket.requester_id:
        ticket.requester_updated_at = now
    if actor and ticket.assignee and actor.pk == ticket.assignee.person_id:
        ticket.assignee_updated_at = now


def _rule_of(rule: ByRule | None) -> dict[str, Any]:
    return {"rule_kind": rule.kind, "rule_id": rule.id, "rule_title": rule.title[:200]} if rule else {}


def _tag_events(ticket: Ticket, changes: Changes) -> list[Event]:
    if changes.set_tags is UNSET and not changes.add_tags and not changes.remove_tags:
        return []
    before = sorted(ticket.tags.values_list("name", flat=True))
    base = before if changes.set_tags is UNSET else clean_tags(changes.set_tags)
    after = (set(base) | set(clean_tags(changes.add_tags))) - set(clean_tags(changes.remove_tags))
    if after == set(before):
        return []
    ticket.tags.exclude(name__in=after).delete()
    Tag.objects.bulk_create(Tag(ticket=ticket, name=name) for name in sorted(after - set(before)))
    return [
        Event(kind=Event.Kind.CHANGE, field="tags", data={"value": sorted(after), "previous_value": before}),
    ]


def _cc_events(ticket: Ticket, changes: Changes) -> list[Event]:
    if not (changes.add_ccs or changes.unconfirmed_ccs or changes.confirm_ccs or changes.remove_ccs):
        return []
    before = _cc_names(ticket)
    for person in [*changes.add_ccs, *changes.confirm_ccs]:
        participants.ensure(ticket, person, Participant.Role.CC)
    for person in changes.unconfirmed_ccs:
        if not ticket.participants.filter(person=person).exists():
            participants.ensure(ticket, person, Participant.Role.CC, confirmed=False)
    participants.remove_ccs(ticket, changes.remove_ccs)
    after = _cc_names(ticket)
    if after == before:
        return []
    return [Event(kind=Event.Kind.CC_CHANGE, field="ccs", data={"value": after, "previous_value": before})]


def _cc_names(ticket: Ticket) -> list[str]:
    return [row.person.name + ("" if row.confirmed else " (?)") for row in participants.ccs(ticket)]


def _set_delivery_fields(ticket: Ticket, changes: Changes) -> bool:
    """Delivery health: kept on the ticket so that lists need not look at deliveries. True where it changed."""
    changed = False
    for name in ("delivery_health", "failed_at", "ever_failed"):
        value: datetime | str | bool | None = getattr(changes, name)
        if value is not UNSET and getattr(ticket, name) != value:
            setattr(ticket, name, value)
            changed = True
    return changed


def _write_comment(audit: Audit, new: NewComment) -> Comment:
    comment = Comment.objects.create(
        ticket_id=audit.ticket_id,
        audit=audit,
        author=new.author,
        public=new.public,
        text=new.text,
        html=new.html,
        quoted_text=new.quoted_text,
        quoted_html=new.quoted_html,
        via=audit.via,
        trust=new.trust,
        sender=new.sender[:320],
        authenticated_domain=new.authenticated_domain,
        raw_mail_id=new.raw_mail_id,
        message_id=new.message_id[:998],
        automatic=new.automatic[:40],
        created_at=audit.created_at,
    )
    for item in new.attachments:
        _attach(comment, item)
    add_event(audit, Event.Kind.COMMENT, {"comment_id": comment.pk, "public": comment.public})
    if new.files_as_links and (links := file_links.make(comment)):
        add_event(audit, Event.Kind.DELIVERY_NOTE, file_links.told(links))
    return comment


def _attach(comment: Comment, item: NewAttachment | Attachment) -> None:
    if isinstance(item, Attachment):
        Attachment.objects.filter(pk=item.pk, comment__isnull=True).update(comment=comment)
        return
    Attachment.objects.create(
        comment=comment,
        token=ids.random_token(),
        blob=item.blob,
        file_name=item.file_name[:255],
        content_type=item.content_type[:127],
        size=item.blob.size,
        inline=item.inline,
        content_id=item.content_id[:255],
        created_at=comment.created_at,
    )


def _publish(ticket: Ticket) -> None:
    live.publish(f"ticket:{ticket.pk}")
    live.publish("tickets")
