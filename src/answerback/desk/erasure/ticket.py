"""A ticket without the person: whole where it was theirs, else what is of them in it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from django.db.models import Q, QuerySet

from answerback.core import clock, live
from answerback.desk import ticket_health
from answerback.desk.erasure.striking import strike
from answerback.desk.keeping import removal
from answerback.desk.keeping.removal import MailUnderWayError
from answerback.desk.models import Draft, JobItem, Notice
from answerback.outbound import lifecycle
from answerback.outbound.models import Attempt, Delivery, DeliveryEvent, Message, Resolution
from answerback.people.models import Account, Person
from answerback.people.traces import STRUCK, Traces
from answerback.search import documents
from answerback.store import blobs, dismiss, raw
from answerback.store.models import RawMail
from answerback.tickets import merged, update
from answerback.tickets.models import Attachment, Comment, Event, Participant, Ticket
from mailroom import html as mail_html
from mailroom.states import Fact, State

_REPEATED = 15  # characters: what is shorter, others may have said as well
_WAITING = (State.QUEUED, State.SENDING, State.DEFERRED)


def concerned(person: Person, traces: Traces) -> QuerySet[Ticket]:
    """Their own, and those they were on, wrote to, or were written to from; and where theirs were merged into."""
    sent = Delivery.objects.filter(Q(person=person) | Q(recipient__in=traces.addresses), ticket__isnull=False)
    theirs = Ticket.objects.filter(
        Q(requester=person)
        | Q(pk__in=Participant.objects.filter(person=person).values("ticket"))
        | Q(pk__in=Comment.objects.filter(author=person).values("ticket"))
        | Q(pk__in=sent.values("ticket"))
    )
    return Ticket.objects.filter(Q(pk__in=theirs.values("pk")) | Q(merged__in=theirs)).distinct()


def erase(ticket: Ticket, person: Person, traces: Traces, by: Account) -> bool:
    """True where the whole ticket went. MailUnderWayError where mail in which they stand is still on its way."""
    if ticket.requester_id == person.pk:
        removal.remove(ticket.pk)
        return True
    _erase_sent(ticket, person, traces, by)
    _erase_comments(ticket, person, traces)
    _erase_received(ticket, traces)
    strike(Event.objects.filter(ticket=ticket), ["data"], traces)
    strike(Notice.objects.filter(ticket=ticket), ["failures", "data"], traces)
    strike(Draft.objects.filter(ticket=ticket), ["text", "html", "fields"], traces)
    strike(JobItem.objects.filter(ticket=ticket), ["detail", "options"], traces)
    strike(Ticket.objects.filter(pk=ticket.pk), ["subject"], traces)
    Participant.objects.filter(ticket=ticket, person=person).delete()
    documents.rebuild(ticket.pk)
    update.apply(ticket.pk, ticket_health.changes_for(ticket.pk), None, update.SYSTEM)
    live.publish(f"ticket:{ticket.pk}")
    return False


# Mail to them, and mail to others in which they stand


def _erase_sent(ticket: Ticket, person: Person, traces: Traces, by: Account) -> None:
    to_them = Delivery.objects.filter(Q(person=person) | Q(recipient__in=traces.addresses), ticket=ticket)
    if to_them.filter(state=State.SENDING).exists():
        raise MailUnderWayError
    gone = list(to_them.values_list("pk", flat=True))
    naming = [message for message in Message.objects.filter(ticket=ticket) if _stand_in(message, traces)]
    others = Delivery.objects.filter(message__in=naming).exclude(pk__in=gone)
    if others.filter(state__in=_WAITING).exists():
        raise MailUnderWayError
    RawMail.objects.filter(pk__in=_reports_about(gone)).update(ticket_id=ticket.pk)  # `_erase_received` looks at them
    lifecycle.decide(list(others.filter(state=State.HELD).values_list("pk", flat=True)), Fact.CANCEL, by)
    Delivery.objects.filter(pk__in=gone).delete()
    Message.objects.filter(ticket=ticket, deliveries__isnull=True).delete()
    Message.objects.filter(pk__in=[message.pk for message in naming]).update(
        header=b"", body=b"", erased_at=clock.now()
    )
    others.update(header=None)
    left = Delivery.objects.filter(ticket=ticket)
    strike(Message.objects.filter(ticket=ticket), ["subject"], traces)
    strike(left, ["diagnostic"], traces)
    strike(Attempt.objects.filter(delivery__in=left), ["diagnostic"], traces)
    strike(DeliveryEvent.objects.filter(delivery__in=left), ["diagnostic", "origins"], traces)
    strike(Resolution.objects.filter(delivery__in=left), ["note"], traces)


def _stand_in(message: Message, traces: Traces) -> bool:
    return traces.stand_in_mail(bytes(message.header) + b"\r\n" + bytes(message.body))


def _reports_about(delivery_ids: Sequence[int]) -> list[int]:
    events = DeliveryEvent.objects.filter(delivery__in=delivery_ids, raw_mail_id__isnull=False)
    return [pk for pk in events.values_list("raw_mail_id", flat=True) if pk]


# What was written, and the mail it came in


def _erase_comments(ticket: Ticket, person: Person, traces: Traces) -> None:
    written = Comment.objects.filter(ticket=ticket, author=person)
    files = list(Attachment.objects.filter(comment__in=written).select_related("blob"))
    Attachment.objects.filter(pk__in=[file.pk for file in files]).delete()
    blobs.let_go(file.blob for file in files)
    dismiss.delete(RawMail.objects.filter(pk__in=written.filter(raw_mail_id__isnull=False).values("raw_mail_id")))
    repeated = _said(ticket, person)
    if written.exists():  # what others quote may be theirs, and stands above anyway
        Comment.objects.filter(ticket=ticket).update(quoted_text="", quoted_html="")
    written.update(
        text=STRUCK, html="", sender="", authenticated_domain="", raw_mail_id=None, message_id="", automatic=""
    )
    comments = Comment.objects.filter(ticket=ticket)
    for comment in comments.only("pk", "text", "html"):
        if any(words in comment.text for words in repeated):
            text = reduce(lambda said, words: said.replace(words, STRUCK), repeated, comment.text)
            comments.filter(pk=comment.pk).update(text=text, html="")
    strike(comments, ["text", "html", "quoted_text", "quoted_html", "sender"], traces)
    for field in ("html", "quoted_html"):  # a name across several elements: the text says the same without it
        for comment in comments.exclude(**{field: ""}).only("pk", field):
            if traces.stand_in(mail_html.to_text(getattr(comment, field))):
                comments.filter(pk=comment.pk).update(**{field: ""})


def _said(ticket: Ticket, person: Person) -> list[str]:
    """Their words that a merge may have copied here, longest first."""
    tickets = [ticket.pk, *(one.pk for one in merged.into(ticket.pk))]
    texts = Comment.objects.filter(author=person, ticket__in=tickets).values_list("text", flat=True)
    cut = {text.strip()[: merged.LAST_COMMENT_KEPT] for text in texts}
    return sorted((words for words in cut if len(words) >= _REPEATED), key=len, reverse=True)


def _erase_received(ticket: Ticket, traces: Traces) -> None:
    """Mail of others, and reports, in which they stand. Comment and fact stay without their source."""
    mails = RawMail.objects.filter(ticket_id=ticket.pk).select_related("blob").order_by("pk")
    naming = [mail.pk for mail in mails if traces.stand_in_mail(raw.content(mail))]
    dismiss.delete(RawMail.objects.filter(pk__in=naming))
    Comment.objects.filter(raw_mail_id__in=naming).update(raw_mail_id=None)
    DeliveryEvent.objects.filter(delivery__ticket=ticket, raw_mail_id__in=naming).update(raw_mail_id=None)
