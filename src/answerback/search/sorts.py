"""What lists of tickets can be sorted and grouped by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Case, CharField, Exists, F, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Cast, Concat, Lower

from answerback.outbound.models import Delivery, Message, Resolution
from answerback.search.keyset import Key
from answerback.tickets.models import Ticket

UNIQUE = "id"


@dataclass(frozen=True)
class Sort:
    """A column, or an expression that is annotated."""

    column: str = ""
    expression: Any = None
    nullable: bool = False


def open_failures(which: Q = Q()) -> QuerySet[Delivery]:  # noqa: B008  # a Q never changes
    """Unresolved failing deliveries of the outer ticket."""
    resolved = Resolution.objects.filter(delivery=OuterRef("pk"), revoked_at__isnull=True)
    states = Q(state__in=["failed", "cancelled"]) | Q(state="held", hold_reason="suppressed")
    rows = Delivery.objects.filter(which & states & ~Exists(resolved), ticket=OuterRef("pk"))
    return rows.exclude(kind=Message.Kind.AGENT)


def _of_newest_failure(value: Any) -> Any:
    newest = open_failures().order_by(F("failed_at").desc(nulls_last=True), "-id")
    return Subquery(newest.annotate(said=value).values("said")[:1])


_CODE = Concat(
    Case(When(smtp_code__isnull=True, then=Value("")), default=Cast("smtp_code", CharField())),
    Value(" "),
    "enhanced_code",
    output_field=CharField(),
)
SORTS: dict[str, Sort] = {
    "id": Sort("id"),
    "updated": Sort("updated_at"),
    "created": Sort("created_at"),
    "solved": Sort("solved_at", nullable=True),
    "failed": Sort("failed_at", nullable=True),
    "status": Sort("status_rank"),
    "priority": Sort("priority_rank"),
    "type": Sort("type"),
    "subject": Sort(expression=Lower("subject")),
    "requester": Sort(expression=Lower("requester__name")),
    "assignee": Sort(expression=Lower("assignee__person__name"), nullable=True),
    "group": Sort(expression=Lower("group__name"), nullable=True),
    "organization": Sort(expression=Lower("requester__organization__name"), nullable=True),
    "support_address": Sort(expression=Lower("support_address__address")),
    "via": Sort("via"),
    "failed_recipient": Sort(expression=_of_newest_failure(Lower("recipient")), nullable=True),
    "cause": Sort(expression=_of_newest_failure(F("cause")), nullable=True),
    "code": Sort(expression=_of_newest_failure(_CODE), nullable=True),
}
# grouping by what nearly every ticket has for itself would be no grouping
GROUPINGS = (
    "status", "priority", "type", "assignee", "group", "requester", "organization", "support_address", "via", "cause",
)  # fmt: skip


def ordered(
    rows: QuerySet[Ticket], sort_by: str, descending: bool, group_by: str = "", group_descending: bool = False
) -> tuple[QuerySet[Ticket], list[Key]]:
    """The rows with what they are ordered by, and the keys of the order: group, sort, number."""
    keys = []
    if group_by in GROUPINGS:
        rows, key = _key(rows, SORTS[group_by], group_descending, "group_key")
        keys.append(key)
    rows, key = _key(rows, SORTS.get(sort_by, SORTS["updated"]), descending, "sort_key")
    keys.append(key)
    if keys[-1].name != UNIQUE:
        keys.append(Key(UNIQUE, descending))
    return rows, keys


def _key(rows: QuerySet[Ticket], sort: Sort, descending: bool, name: str) -> tuple[QuerySet[Ticket], Key]:
    if sort.column:
        return rows, Key(sort.column, descending, sort.nullable)
    return rows.annotate(**{name: sort.expression}), Key(name, descending, sort.nullable)
