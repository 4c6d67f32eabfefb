"""Who is on a ticket. The participant's id is what a Reply-To token binds; nobody else writes these rows."""

from __future__ import annotations

from collections.abc import Iterable

from answerback.core import clock
from answerback.people.models import Person
from answerback.tickets.models import Participant, Ticket

Role = Participant.Role


def ensure(ticket: Ticket, person: Person, role: str, confirmed: bool = True) -> Participant:
    """The participant with at least this standing: a requester stays one, an unconfirmed CC may become confirmed."""
    row, created = Participant.objects.get_or_create(
        ticket=ticket,
        person=person,
        defaults={"role": role, "confirmed": confirmed, "created_at": clock.now()},
    )
    if created:
        return row
    if row.role != Role.REQUESTER and row.role != role and role != Role.AGENT:
        row.role, row.confirmed = role, confirmed or (row.confirmed and row.role == role)
        row.save(update_fields=["role", "confirmed"])
    elif confirmed and not row.confirmed:
        row.confirmed = True
        row.save(update_fields=["confirmed"])
    return row


def ccs(ticket: Ticket) -> list[Participant]:
    """CCs, also those who wait for an agent's click (`confirmed` tells)."""
    return list(ticket.participants.filter(role=Role.CC).select_related("person").order_by("id"))


def remove_ccs(ticket: Ticket, people: Iterable[Person]) -> None:
    """They get no more mail. The row stays: a reply with its token still finds the ticket."""
    Participant.objects.filter(ticket=ticket, person__in=list(people), role=Role.CC).update(role=Role.FORMER)


def change_requester(ticket: Ticket, person: Person) -> None:
    """The old requester becomes a former participant."""
    Participant.objects.filter(ticket=ticket, role=Role.REQUESTER).exclude(person=person).update(role=Role.FORMER)
    row = ensure(ticket, person, Role.REQUESTER)
    if row.role != Role.REQUESTER:
        Participant.objects.filter(pk=row.pk).update(role=Role.REQUESTER, confirmed=True)
