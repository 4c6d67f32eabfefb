"""New tickets, each from its own options. A ticket that names somebody who is gone meanwhile is not made.

Policy: whom nobody knows yet becomes a person together with the ticket. A ticket that is refused, or not made, leaves
nobody behind.
"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db import transaction

from answerback.desk.bulk.result import Result, skipped
from answerback.desk.composing import new_ticket
from answerback.desk.models import JobItem
from answerback.people import identities
from answerback.people.models import Account, Group, Person
from answerback.tickets.changes import NewComment, NewTicket
from answerback.tickets.models import Attachment, Audit, SupportAddress

PLAIN = ("subject", "via", "status", "priority", "type", "tags")
Named = int | dict[str, str]  # a person's id, or the "address" and "name" of somebody who may be new


def act(item: JobItem, options: dict[str, Any], by: Account) -> Result:
    try:
        audit = make(options, by)
    except ObjectDoesNotExist:
        return skipped("named_gone")
    return Result(JobItem.State.DONE, "made", ticket_id=audit.ticket_id)


def make(options: dict[str, Any], by: Account) -> Audit:
    """The ticket and its newcomers, or nothing: ObjectDoesNotExist. Its files are uploads that wait for it."""
    with transaction.atomic():
        return new_ticket.open_ticket(_ticket(options, by))


def person_of(named: Named) -> Person:
    """Person.DoesNotExist, BadAddressError."""
    if isinstance(named, int):
        return Person.objects.get(pk=named)
    return identities.find_or_create(named["address"], named["name"]).person


def _ticket(options: dict[str, Any], by: Account) -> NewTicket:
    requester = person_of(options["requester"])
    return NewTicket(
        **{name: options[name] for name in PLAIN},
        requester=requester,
        submitter=by.person,
        support_address=SupportAddress.objects.get(pk=options["support_address"]),
        assignee=Account.objects.get(pk=options["assignee"]) if options["assignee"] else None,
        group=Group.objects.get(pk=options["group"]) if options["group"] else None,
        ccs=[person for named in options["ccs"] if (person := person_of(named)) != requester],
        comment=NewComment(
            author=by.person,
            public=options["public"],
            text=options["text"],
            html=options["html"],
            attachments=[Attachment.objects.get(pk=pk, comment=None) for pk in options["files"]],
        ),
    )
