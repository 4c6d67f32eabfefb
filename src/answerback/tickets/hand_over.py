"""Tickets, comments and participations of somebody who turned out to be somebody else.

Not an update of the tickets: nothing about them changed, so there is no audit, and no trigger runs.
"""

from __future__ import annotations

from answerback.core import live
from answerback.people.models import Person
from answerback.tickets.models import Audit, Comment, Participant, Ticket

Role = Participant.Role
_STRONGEST = {Role.FORMER: 0, Role.AGENT: 1, Role.CC: 2, Role.REQUESTER: 3}


def hand_over(before: Person, after: Person) -> list[int]:
    """Gives the tickets that are concerned."""
    tickets = _participations(before, after)
    tickets |= set(Ticket.objects.filter(requester=before).values_list("pk", flat=True))
    Ticket.objects.filter(requester=before).update(requester=after)
    Ticket.objects.filter(submitter=before).update(submitter=after)
    Comment.objects.filter(author=before).update(author=after)
    Audit.objects.filter(author=before).update(author=after)
    for ticket_id in sorted(tickets):
        live.publish(f"ticket:{ticket_id}")
    if tickets:
        live.publish("tickets")
    return sorted(tickets)


def _participations(before: Person, after: Person) -> set[int]:
    """Reply tokens name a participation, so none is deleted: where both were on a ticket, the old one is former."""
    rows = list(Participant.objects.filter(person=before))
    others = Participant.objects.filter(person=after, ticket__in=[row.ticket_id for row in rows])
    there = {row.ticket_id: row for row in others}
    for row in rows:
        other = there.get(row.ticket_id)
        if other is None:
            Participant.objects.filter(pk=row.pk).update(person=after)
            continue
        strongest = max((row, other), key=lambda one: _STRONGEST[Role(one.role)])
        Participant.objects.filter(pk=row.pk).update(role=Role.FORMER)
        Participant.objects.filter(pk=other.pk).update(role=strongest.role, confirmed=row.confirmed or other.confirmed)
    return {row.ticket_id for row in rows}
