"""Saved views: the system's own, and those people make. A view gives tickets, a count, and pages by keyset."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext_noop

from answerback.core import clock
from answerback.people.models import Account
from answerback.search import conditions, sorts
from answerback.search.keyset import Key
from answerback.search.models import View
from answerback.tickets.models import Ticket

COLUMNS = {
    "id": gettext_noop("Ticket"),
    "subject": gettext_noop("Subject"),
    "requester": gettext_noop("Requester"),
    "status": gettext_noop("Status"),
    "priority": gettext_noop("Priority"),
    "assignee": gettext_noop("Assignee"),
    "group": gettext_noop("Group"),
    "organization": gettext_noop("Organisation"),
    "type": gettext_noop("Type"),
    "via": gettext_noop("How it began"),
    "support_address": gettext_noop("Support address"),
    "tags": gettext_noop("Tags"),
    "updated": gettext_noop("Updated"),
    "created": gettext_noop("Created"),
    "solved": gettext_noop("Solved"),
    "failed_recipient": gettext_noop("Failed recipient"),
    "cause": gettext_noop("Cause"),
    "code": gettext_noop("Code"),
    "failed": gettext_noop("Since"),
}
_TICKET = ["subject", "requester", "status", "assignee", "updated"]
_FAILURE = ["subject", "failed_recipient", "cause", "code", "failed", "assignee"]
COUNTED = 9999
_FURTHER = {"organization": "requester__organization", "support_address": "support_address"}


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
        "title": gettext_noop("My unsolved tickets"),
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
        "title": gettext_noop("All unsolved tickets"),
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
    """Shared views and then the account's own, in order."""
    return list(_visible(account).filter(active=True))


def all_of(account: Account) -> list[View]:
    """The same with those that are switched off."""
    return list(_visible(account).select_related("group"))


def find(key_or_id: str, account: Account) -> View | None:
    """By key ("undelivered") or by id; only what the account may see."""
    rows = _visible(account)
    if key_or_id.isascii() and key_or_id.isdigit() and len(key_or_id) < 19:
        return rows.filter(pk=int(key_or_id)).first()
    return rows.filter(key=key_or_id).exclude(key="").first()


def tickets(view: View, account: Account | None) -> QuerySet[Ticket]:
    return Ticket.objects.filter(conditions.build(view.conditions, account))


def ordered(
    view: View, account: Account | None, sort_by: str = "", descending: bool = True
) -> tuple[QuerySet[Ticket], list[Key]]:
    """The view's tickets and the keys of its order, or of another one that a reader asked for."""
    if sort_by not in sorts.SORTS:
        sort_by, descending = view.sort_by, view.descending
    rows = with_names(tickets(view, account), [*view.columns, view.group_by])
    return sorts.ordered(rows, sort_by, descending, view.group_by, view.group_descending)


def with_names(rows: QuerySet[Ticket], columns: Iterable[str] = ()) -> QuerySet[Ticket]:
    """With the people and groups that the columns name. What no column names is not read."""
    further = [path for column, path in _FURTHER.items() if column in columns]
    return rows.select_related("requester", "assignee__person", "group", *further)


def counts(views: Sequence[View], account: Account, most: int | None = COUNTED + 1) -> dict[int, int]:
    """By view id, in one query. Each is counted up to `most` only, so that no list is walked to its end; None: all."""
    found = dict.fromkeys((view.pk for view in views), 0)
    asked: dict[int, tuple[str, tuple[Any, ...]]] = {}
    for view in views:
        rows = tickets(view, account).order_by().values("pk")[:most]
        try:
            asked[view.pk] = rows.query.sql_with_params()
        except EmptyResultSet:  # nothing can match
            continue
    if not asked:
        return found
    select = ", ".join(f"(SELECT count(*) FROM ({sql}) AS one{pk})" for pk, (sql, _) in asked.items())  # noqa: S608  # the ORM's own
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {select}", [value for _, values in asked.values() for value in values])
        return found | dict(zip(asked, cursor.fetchone(), strict=True))


def _visible(account: Account) -> QuerySet[View]:
    mine = Q(owner=account) | Q(owner=None, group=None) | Q(owner=None, group__in=account.groups.values("pk"))
    rows = View.objects.filter(mine, deleted_at=None)
    return rows.order_by(F("owner").asc(nulls_first=True), "position", "id")
