"""Saved views: the system's own, and those people make. A view gives tickets, a count, and pages by keyset."""

from __future__ import annotations

import base64
import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, F, Q, QuerySet
from django.utils.translation import gettext_noop

from answerback.core import clock
from answerback.people.models import Account
from answerback.search import conditions
from answerback.search.models import View
from answerback.tickets.models import Ticket

# what a list can be sorted by -> the column; every order ends with the id, so that it is total
SORTS = {
    "updated": "updated_at",
    "created": "created_at",
    "failed": "failed_at",
    "id": "id",
    "status": "status_rank",
    "priority": "priority_rank",
}
COLUMNS = {
    "id": gettext_noop("Ticket"),
    "subject": gettext_noop("Subject"),
    "requester": gettext_noop("Requester"),
    "status": gettext_noop("Status"),
    "priority": gettext_noop("Priority"),
    "assignee": gettext_noop("Assignee"),
    "group": gettext_noop("Group"),
    "tags": gettext_noop("Tags"),
    "updated": gettext_noop("Updated"),
    "created": gettext_noop("Created"),
    "failed_recipient": gettext_noop("Failed recipient"),
    "cause": gettext_noop("Cause"),
    "code": gettext_noop("Code"),
    "failed": gettext_noop("Since"),
}
_TICKET = ["subject", "requester", "status", "assignee", "updated"]
_FAILURE = ["subject", "failed_recipient", "cause", "code", "failed", "assignee"]
PAGE_SIZE = 50


def _row(field: str, operator: str, value: str) -> dict[str, str]:
    return {"field": field, "operator": operator, "value": value}


SYSTEM_VIEWS: list[dict[str, Any]] = [
    {
        "key": "undelivered",
        "title": gettext_noop("Undelivered replies"),
        "all": [_row("delivery", "is", "answer")],
        "columns": _FAILURE,
        "sort_by": "failed",
    },
    {
        "key": "my-undelivered",
        "title": gettext_noop("My undelivered replies"),
        "all": [_row("delivery", "is", "mine")],
        "columns": _FAILURE,
        "sort_by": "failed",
    },
    {
        "key": "my-open",
        "title": gettext_noop("My open tickets"),
        "all": [_row("assignee_id", "is", "current_user"), _row("status", "less_than", "solved")],
        "columns": _TICKET,
    },
    {
        "key": "unassigned",
        "title": gettext_noop("Unassigned tickets"),
        "all": [_row("assignee_id", "is", ""), _row("status", "less_than", "solved")],
        "columns": _TICKET,
    },
    {
        "key": "open",
        "title": gettext_noop("All open tickets"),
        "all": [_row("status", "less_than", "solved")],
        "columns": _TICKET,
    },
    {
        "key": "solved",
        "title": gettext_noop("Recently solved"),
        "all": [_row("status", "is", "solved")],
        "columns": _TICKET,
    },
    {
        "key": "trying",
        "title": gettext_noop("Still trying"),
        "all": [_row("delivery", "is", "trying")],
        "columns": _TICKET,
    },
    {
        "key": "undelivered-automatic",
        "title": gettext_noop("Undelivered automatic mail"),
        "all": [_row("delivery", "is", "automatic")],
        "columns": _FAILURE,
        "sort_by": "failed",
    },
    {
        "key": "failures",
        "title": gettext_noop("Delivery failures, also resolved"),
        "all": [_row("delivery", "is", "failed")],
        "columns": _TICKET,
    },
]


@dataclass(frozen=True)
class Page:
    """Rows of a list, and the marks that lead to the neighbours ("" where there is none)."""

    tickets: list[Ticket]
    after: str
    before: str


def install(but: Collection[str] = ()) -> list[str]:
    """Write the system views whose keys are not in `but`. Gives the keys of all."""
    now = clock.now()
    View.objects.bulk_create(
        View(
            key=row["key"],
            title=row["title"],
            conditions={"all": row["all"], "any": []},
            columns=row["columns"],
            sort_by=row.get("sort_by", "updated"),
            position=position,
            created_at=now,
            updated_at=now,
        )
        for position, row in enumerate(SYSTEM_VIEWS, start=1)
        if row["key"] not in but
    )
    return sorted({*but, *(row["key"] for row in SYSTEM_VIEWS)})


def visible_to(account: Account) -> list[View]:
    """Shared views and the account's own, in order."""
    return list(View.objects.filter(Q(owner=None) | Q(owner=account), active=True))


def find(key_or_id: str, account: Account) -> View | None:
    """By key ("undelivered") or by id; only what the account may see."""
    rows = View.objects.filter(Q(owner=None) | Q(owner=account), active=True)
    return rows.filter(pk=int(key_or_id)).first() if key_or_id.isdigit() else rows.filter(key=key_or_id).first()


def tickets(view: View, account: Account | None) -> QuerySet[Ticket]:
    return Ticket.objects.filter(conditions.build(view.conditions, account))


def counts(views: list[View], account: Account) -> dict[int, int]:
    """By view id, in one query."""
    if not views:
        return {}
    wanted = {
        f"v{view.pk}": Count(
            "pk", filter=conditions.build(view.conditions, account) & Q(pk__isnull=False), distinct=True
        )
        for view in views
    }
    found = Ticket.objects.aggregate(**wanted)
    return {view.pk: found[f"v{view.pk}"] for view in views}


def page(
    rows: QuerySet[Ticket], sort_by: str, descending: bool, after: str = "", before: str = "", size: int = PAGE_SIZE
) -> Page:
    """One page by keyset: as fast in the middle of a million as at the start. Marks that are not ours are ignored."""
    column = SORTS.get(sort_by, "updated_at")
    backwards = bool(before)
    mark = _read_mark(before or after, column)
    if mark:
        rows = rows.filter(_beyond(column, mark, descending != backwards))
    order = [_order(column, descending != backwards)]
    if column != "id":
        order.append(_order("id", descending != backwards))
    found = list(rows.select_related("requester", "assignee__person", "group").order_by(*order)[: size + 1])
    more = len(found) > size
    found = found[:size]
    if backwards:
        found.reverse()
    has_next = bool(found) and (more if not backwards else True)
    has_previous = bool(found) and (bool(mark) if not backwards else more)
    return Page(
        found,
        _mark(found[-1], column) if has_next else "",
        _mark(found[0], column) if has_previous else "",
    )


def _order(column: str, descending: bool) -> Any:
    return F(column).desc(nulls_last=True) if descending else F(column).asc(nulls_first=True)


def _beyond(column: str, mark: list[Any], descending: bool) -> Q:
    value, pk = mark
    way = "lt" if descending else "gt"
    if column == "id":
        return Q(**{f"id__{way}": pk})
    if value is None:  # nulls are the small end
        same = Q(**{f"{column}__isnull": True, f"id__{way}": pk})
        return same if descending else same | Q(**{f"{column}__isnull": False})
    beyond = Q(**{f"{column}__{way}": value}) | Q(**{column: value, f"id__{way}": pk})
    return beyond | Q(**{f"{column}__isnull": True}) if descending and column == "failed_at" else beyond


def _mark(ticket: Ticket, column: str) -> str:
    value = getattr(ticket, column)
    text = json.dumps([value.isoformat() if hasattr(value, "isoformat") else value, ticket.pk])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_mark(text: str, column: str) -> list[Any] | None:
    """[value of the column, id], or None for what is no mark of a list in this order."""
    try:
        value, pk = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return [_typed(value, column), int(pk)]
    except (ValueError, TypeError):
        return None


def _typed(value: Any, column: str) -> Any:
    if not column.endswith("_at"):
        return int(value)
    return None if value is None else datetime.fromisoformat(value)
