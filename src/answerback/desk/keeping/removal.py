"""A ticket goes for good, with all that hangs on it. Cannot be undone.

Policy: comments, files, events, mail sent and received, deliveries with their history, drafts and notices go in one
transaction, the words in the full text with them. A file's octets follow (`store.blobs`) where nothing else names them.
What jobs noted of the ticket goes too; that they were done to it stays. A ticket whose mail is being sent right now is
left for later.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import Q, QuerySet

from answerback.core import live
from answerback.desk.models import JobItem
from answerback.outbound.models import Delivery
from answerback.store import blobs, dismiss
from answerback.store.models import RawMail
from answerback.tickets.models import Attachment, Comment, Ticket
from mailroom.states import State


class MailUnderWayError(Exception):
    """A mail of the ticket is being sent right now."""


def remove(ticket_id: int) -> None:
    """Ticket.DoesNotExist, MailUnderWayError."""
    with transaction.atomic():
        ticket = Ticket.objects.select_for_update(of=("self",)).get(pk=ticket_id)
        # locked: a worker that claimed one after we had looked would send what is gone
        mail = Delivery.objects.filter(ticket=ticket).select_for_update(of=("self",)).order_by("id")
        if State.SENDING in set(mail.values_list("state", flat=True)):
            raise MailUnderWayError
        files = [row.blob for row in Attachment.objects.filter(comment__ticket=ticket).select_related("blob")]
        dismiss.delete(_mails_of(ticket))
        _forget_in_jobs(ticket)
        ticket.delete()
        blobs.let_go(files)
        live.publish(f"ticket:{ticket_id}")
        live.publish("tickets")


def _mails_of(ticket: Ticket) -> QuerySet[RawMail]:
    """What came in for it: words of customers, and reports about its mail."""
    comments = Comment.objects.filter(ticket=ticket, raw_mail_id__isnull=False)
    written = [pk for pk in comments.values_list("raw_mail_id", flat=True) if pk]  # a list: PostgreSQL keeps to indexes
    return RawMail.objects.filter(Q(ticket_id=ticket.pk) | Q(pk__in=written))


def _forget_in_jobs(ticket: Ticket) -> None:
    """What was asked for and noted of it names people. Of what waits still, the job itself finds the ticket gone."""
    JobItem.objects.filter(ticket=ticket).exclude(state=JobItem.State.WAITING).update(options={}, detail={})
