"""What stands outside of tickets, table by table, a stretch of ids at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from django.db.models import Exists, Max, Min, Model, OuterRef, QuerySet

from answerback.core.models import IdempotentAnswer
from answerback.desk.erasure.striking import addressed, strike_where_addressed
from answerback.desk.models import Draft, Job, JobItem, Notice
from answerback.outbound.models import Lane
from answerback.people.models import DeliverabilityEntry
from answerback.people.traces import Traces
from answerback.rules.models import WebhookCall
from answerback.store import blobs, dismiss, raw
from answerback.store.models import RawMail
from answerback.tickets.models import Ticket

STRETCH = 2000  # ids in one item of the job


@dataclass(frozen=True)
class Table:
    model: type[Model]
    fields: Sequence[str]
    erase: Callable[[QuerySet[Model], Sequence[str], Traces], object]


def _delete(rows: QuerySet[Model], fields: Sequence[str], traces: Traces) -> None:
    """The row is nothing without what it tells."""
    gone = [row.pk for row in rows.only("pk", *fields) if addressed(row, fields, traces)]
    rows.filter(pk__in=gone).delete()


def _delete_mail(rows: QuerySet[RawMail], fields: Sequence[str], traces: Traces) -> None:
    """Mail that is in no ticket: spam, what could not be read, reports of mail without a ticket."""
    in_ticket = Ticket.objects.filter(pk=OuterRef("ticket_id"))
    apart = rows.filter(~Exists(in_ticket)).select_related("blob")
    dismiss.delete(rows.filter(pk__in=[mail.pk for mail in apart if _is_theirs(mail, fields, traces)]))


def _is_theirs(mail: RawMail, fields: Sequence[str], traces: Traces) -> bool:
    if addressed(mail, fields, traces):
        return True
    try:
        return traces.address_stands_in(raw.content(mail).decode("utf-8", "replace"))
    except blobs.MissingBlobError:
        return False


TABLES = {
    table.model._meta.label_lower: table
    for table in (
        Table(RawMail, ["envelope_from", "envelope_to", "reason"], _delete_mail),  # type: ignore[arg-type]
        Table(WebhookCall, ["body", "response", "error"], _delete),
        Table(IdempotentAnswer, ["body"], _delete),
        Table(Notice, ["failures", "data"], strike_where_addressed),
        Table(Draft, ["text", "html", "fields"], strike_where_addressed),
        Table(DeliverabilityEntry, ["note"], strike_where_addressed),
        Table(Lane, ["last_error"], strike_where_addressed),
        Table(JobItem, ["options", "detail"], strike_where_addressed),
        Table(Job, ["options", "source"], strike_where_addressed),
    )
}


def stretches() -> Iterator[tuple[str, int, int]]:
    """Name of a table, first and last id, for all rows there are now."""
    for name, table in TABLES.items():
        ends = table.model._default_manager.aggregate(first=Min("pk"), last=Max("pk"))
        if ends["first"] is not None:
            for first in range(ends["first"], ends["last"] + 1, STRETCH):
                yield name, first, first + STRETCH - 1


def erase(name: str, first: int, last: int | None, traces: Traces) -> None:
    """`last` None: all there are from `first` on."""
    table = TABLES[name]
    rows = table.model._default_manager.filter(pk__gte=first)
    table.erase(rows if last is None else rows.filter(pk__lte=last), table.fields, traces)
