"""New tickets, each from its own options. A ticket that names somebody who is gone meanwhile is not made."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ObjectDoesNotExist

from answerback.desk import new_ticket
from answerback.desk.bulk.result import Result, skipped
from answerback.desk.models import JobItem
from answerback.people.models import Account, Group, Person
from answerback.tickets.changes import NewComment, NewTicket
from answerback.tickets.models import Attachment, SupportAddress

PLAIN = ("subject", "via", "status", "priority", "type")


def options_of(new: NewTicket) -> dict[str, Any]:
    """What a job keeps of the ticket until it is made. Its files are uploads that wait for their comment."""
    comment = new.comment
    return {
        **{name: str(getattr(new, name)) for name in PLAIN},
        "requester": new.requester.pk,
        "support_address": new.support_address.pk,
        "assignee": new.assignee.pk if new.assignee else None,
        "group": new.group.pk if new.group else None,
        "tags": list(new.tags),
        "ccs": [person.pk for person in new.ccs],
        "text": comment.text if comment else "",
        "html": comment.html if comment else "",
        "public": comment.public if comment else True,
        "files": [file.pk for file in comment.attachments if isinstance(file, Attachment)] if comment else [],
    }


def act(item: JobItem, options: dict[str, Any], by: Account) -> Result:
    try:
        new = _ticket(options, by)
    except ObjectDoesNotExist:
        return skipped("named_gone")
    audit = new_ticket.open_ticket(new)
    return Result(JobItem.State.DONE, "made", ticket_id=audit.ticket_id)


def _ticket(options: dict[str, Any], by: Account) -> NewTicket:
    """ObjectDoesNotExist."""
    return NewTicket(
        **{name: options[name] for name in PLAIN},
        requester=Person.objects.get(pk=options["requester"]),
        submitter=by.person,
        support_address=SupportAddress.objects.get(pk=options["support_address"]),
        assignee=Account.objects.get(pk=options["assignee"]) if options["assignee"] else None,
        group=Group.objects.get(pk=options["group"]) if options["group"] else None,
        tags=options["tags"],
        ccs=[Person.objects.get(pk=pk) for pk in options["ccs"]],
        comment=NewComment(
            author=by.person,
            public=options["public"],
            text=options["text"],
            html=options["html"],
            attachments=[Attachment.objects.get(pk=pk, comment=None) for pk in options["files"]],
        ),
    )
