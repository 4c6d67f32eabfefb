"""A ticket turns out to be spam: its sender is blocked, and it leaves the lists of work. All of it can be taken back.

Policy: nothing is mailed about it and no rule runs, so that a spammer hears nothing. The mail stays: a person was asked
for every deletion.
"""

from __future__ import annotations

from django.db import transaction

from answerback.people import blocked_senders
from answerback.people.models import Account, Person
from answerback.search import documents
from answerback.tickets import update
from answerback.tickets.changes import Changes
from answerback.tickets.models import Ticket

TAG = "spam"


def mark(ticket_id: int, by: Account) -> None:
    """blocked_senders.NotBlockableError for a colleague's ticket; TicketClosedError, Ticket.DoesNotExist."""
    with transaction.atomic():
        ticket = Ticket.objects.select_related("requester").get(pk=ticket_id)
        for address in _addresses(ticket.requester):
            blocked_senders.block(address, by)
        _change(ticket, Changes(status=Ticket.Status.SOLVED, add_tags=[TAG]), by)


def unmark(ticket_id: int, by: Account) -> None:
    """It is none: the sender may write again, and the ticket is open. TicketClosedError, Ticket.DoesNotExist."""
    with transaction.atomic():
        ticket = Ticket.objects.select_related("requester").get(pk=ticket_id)
        for address in _addresses(ticket.requester):
            blocked_senders.unblock(address)
        _change(ticket, Changes(status=Ticket.Status.OPEN, remove_tags=[TAG]), by)


def _addresses(person: Person) -> list[str]:
    return [identity.normal for identity in person.identities.all()]


def _change(ticket: Ticket, changes: Changes, by: Account) -> None:
    update.apply(ticket.pk, changes, by.person, "web")
    documents.refresh(ticket.pk)
