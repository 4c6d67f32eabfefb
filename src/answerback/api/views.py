"""Views: saved lists of tickets, what they hold, and how many.

Agents make their own; those for everybody or a group are the administrators' matter. The system's views stay as they
are, but can be switched off.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext
from ninja import Router, Schema

from answerback.api import groups, paging, restriction, tickets
from answerback.api.agents import NOBODY, Agents
from answerback.api.auth import caller
from answerback.api.describe import PAGED, SORT_ORDER, doc, listed, needed, one, query
from answerback.api.errors import BadRequestError, ForbiddenError, InvalidError
from answerback.api.users import UserOut, time
from answerback.api.users import present as present_users
from answerback.outbound import standing
from answerback.outbound.standing import Chain
from answerback.people.models import Account, Group, Organization, Person
from answerback.search import conditions, saved, views
from answerback.search.models import View
from answerback.search.sorts import GROUPINGS, SORTS
from answerback.tickets.models import Ticket

router = Router(tags=["views"])

MOST_COUNTED = 20  # views at once
_OF_AGENTS = "assignee_id"  # the one condition whose value is an agent


class ViewOut(Schema):
    id: int
    url: str
    title: str
    raw_title: str
    active: bool
    position: int
    default: bool
    conditions: dict[str, list[dict[str, Any]]]
    execution: dict[str, Any]
    restriction: dict[str, Any] | None
    created_at: str
    updated_at: str


class OutputIn(Schema):
    """Columns in their order, and how the list is sorted and grouped."""

    columns: list[str] | None = None
    sort_by: str | None = None
    sort_order: str | None = None
    group_by: str | None = None
    group_order: str | None = None


class ViewIn(Schema):
    """`all` and `any` stand beside the title, as with Zendesk; under `conditions` they are taken too.

    `restriction`: null for everybody, `{"type": "User"}` for oneself, `{"type": "Group", "id": N}`.
    """

    title: str | None = None
    active: bool | None = None
    all: list[dict[str, Any]] | None = None
    any: list[dict[str, Any]] | None = None
    conditions: dict[str, list[dict[str, Any]]] | None = None
    output: OutputIn | None = None
    restriction: dict[str, Any] | None = None


class ViewBody(Schema):
    view: ViewIn


class RowOut(Schema):
    """The ticket, and the view's columns of it under their own names; people and groups by id (`requester_id`)."""

    ticket: tickets.TicketOut


class ViewCountOut(Schema):
    view_id: int
    url: str
    value: int
    pretty: str
    fresh: bool


ViewList = listed("views", ViewOut)
ViewAnswer = one("view", ViewOut)
RowList = listed(
    "rows",
    RowOut,
    columns=(list[dict[str, Any]], ...),
    view=(dict[str, Any], ...),
    users=(list[UserOut], ...),
    groups=(list[groups.GroupOut], ...),
)
ViewCountAnswer = one("view_count", ViewCountOut)
ViewCountList = listed("view_counts", ViewCountOut)
_SORT_BY = query("sort_by", "by which column, instead of the view's own", enum=list(SORTS))
_EXAMPLE = {
    "view": {
        "title": "Mailbox full, mine",
        "all": [
            {"field": "assignee_id", "operator": "is", "value": "current_user"},
            {"field": "cause", "operator": "is", "value": "mailbox_full"},
        ],
        "output": {"columns": ["subject", "failed_recipient", "failed"], "sort_by": "failed", "sort_order": "desc"},
        "restriction": {"type": "User"},
    }
}


@router.get("/views", **doc(ViewList, takes=PAGED))
def list_views(request: HttpRequest) -> HttpResponse:
    """Views that the account sees"""
    return paging.answer(request, _seen_by(caller(request)), "views", present)


@router.get("/views/active", **doc(ViewList, takes=PAGED))
def list_active_views(request: HttpRequest) -> HttpResponse:
    """Those that are switched on"""
    return paging.answer(request, _seen_by(caller(request)).filter(active=True), "views", present)


@router.get("/views/count_many", **doc(ViewCountList, takes=(needed(query("ids", "a comma list, at most 20")),)))
def count_many_views(request: HttpRequest) -> HttpResponse:
    """How many tickets several views have

    At most 20 views; those that the account does not see are left out.
    """
    ids = paging.ids(request.GET.get("ids", ""))
    if len(ids) > MOST_COUNTED:
        raise BadRequestError(f"ids: at most {MOST_COUNTED} at once")
    return JsonResponse({"view_counts": _counts(list(_seen_by(caller(request)).filter(pk__in=ids)), caller(request))})


@router.post("/views", **doc(ViewAnswer, status=201, example=_EXAMPLE, faults=(403, 422)))
def create_view(request: HttpRequest, body: ViewBody) -> HttpResponse:
    """Make a view

    Agents make their own; those for everybody or a group are the administrators' matter.
    """
    made = saved.save_view(None, _wanted(None, body.view, caller(request)))
    return JsonResponse({"view": present([made])[0]}, status=201)


@router.get("/views/{int:view_id}", **doc(ViewAnswer, faults=(404,)))
def show_view(request: HttpRequest, view_id: int) -> HttpResponse:
    """One view"""
    return JsonResponse({"view": present([_seen_by(caller(request)).get(pk=view_id)])[0]})


@router.put("/views/{int:view_id}", **doc(ViewAnswer, example=_EXAMPLE, faults=(403, 404, 422)))
def update_view(request: HttpRequest, view_id: int, body: ViewBody) -> HttpResponse:
    """Change a view

    Of the system's views only `active`.
    """
    by, sent = caller(request), body.view
    view = _own(view_id, by)
    if view.key:
        if sent.active is None or sent.model_fields_set != {"active"}:
            raise InvalidError(base="A view of the system can only be switched on and off")
        saved.switch_view(view, sent.active)
        view.refresh_from_db()
    else:
        view = saved.save_view(view, _wanted(view, sent, by))
    return JsonResponse({"view": present([view])[0]})


@router.delete("/views/{int:view_id}", **doc(None, status=204, faults=(403, 404, 422)))
def delete_view(request: HttpRequest, view_id: int) -> HttpResponse:
    """Delete a view

    The workspace can bring it back.
    """
    view = _own(view_id, caller(request))
    if view.key:
        raise InvalidError(base="A view of the system cannot be deleted, only switched off")
    saved.delete_view(view)
    return HttpResponse(status=204)


@router.get("/views/{int:view_id}/tickets", **doc(tickets.TicketList, takes=(*PAGED, tickets.INCLUDE), faults=(404,)))
def list_view_tickets(request: HttpRequest, view_id: int) -> HttpResponse:
    """The tickets of a view"""
    rows = views.tickets(_seen_by(caller(request)).get(pk=view_id), caller(request))
    return paging.answer(request, rows, "tickets", tickets.present, beside=partial(tickets.beside, request))


@router.get("/views/{int:view_id}/execute", **doc(RowList, takes=(_SORT_BY, SORT_ORDER, *PAGED[-2:]), faults=(404,)))
def execute_view(request: HttpRequest, view_id: int) -> HttpResponse:
    """The view as a table

    In its own order, or in that of `sort_by`.
    """
    view = _seen_by(caller(request)).get(pk=view_id)
    descending = request.GET.get("sort_order") != "asc"
    rows, keys = views.ordered(view, caller(request), request.GET.get("sort_by", ""), descending)
    rows = rows.order_by(*(key.order() for key in keys))
    return paging.by_offset(request, rows, "rows", partial(_rows, view.columns), partial(_beside_rows, view))


@router.get("/views/{int:view_id}/count", **doc(ViewCountAnswer, faults=(404,)))
def count_view(request: HttpRequest, view_id: int) -> HttpResponse:
    """How many tickets a view has"""
    view = _seen_by(caller(request)).get(pk=view_id)
    return JsonResponse({"view_count": _counts([view], caller(request))[0]})


def present(rows: list[View]) -> list[dict[str, Any]]:
    users, agents = restriction.users(rows), Agents()
    return [
        {
            "id": view.pk,
            "url": paging.url(f"views/{view.pk}.json"),
            "title": gettext(view.title) if view.key else view.title,
            "raw_title": view.title,
            "active": view.active,
            "position": view.position,
            "default": bool(view.key),
            "conditions": {
                block: [_shown_condition(row, agents) for row in view.conditions.get(block, [])]
                for block in conditions.BLOCKS
            },
            "execution": {
                "columns": _columns(view),
                "sort_by": view.sort_by,
                "sort_order": _order(view.descending),
                "group_by": view.group_by or None,
                "group_order": _order(view.group_descending),
            },
            "restriction": restriction.present(view, users),
            "created_at": time(view.created_at),
            "updated_at": time(view.updated_at),
        }
        for view in rows
    ]


def _seen_by(account: Account) -> QuerySet[View]:
    return View.objects.filter(pk__in=[view.pk for view in views.all_of(account)])


def _own(view_id: int, by: Account) -> View:
    view = _seen_by(by).get(pk=view_id)
    if not saved.may_change(view, by):
        raise ForbiddenError("Only administrators change views that are not one's own")
    return view


def _counts(rows: Sequence[View], by: Account) -> list[dict[str, Any]]:
    counted = views.counts(rows, by, most=None)
    return [
        {
            "view_id": view.pk,
            "url": paging.url(f"views/{view.pk}/count.json"),
            "value": counted[view.pk],
            "pretty": str(counted[view.pk]),
            "fresh": True,
        }
        for view in rows
    ]


# What was sent


def _wanted(old: View | None, sent: ViewIn, by: Account) -> saved.Definition:
    """What is not sent stays as it is."""
    before = old or View(columns=saved.FALLBACK_COLUMNS)
    title = sent.title if sent.title is not None else before.title
    if not title.strip():
        raise InvalidError(title="Title: cannot be blank")
    given = "restriction" in sent.model_fields_set
    owner, group = restriction.wanted(old, sent.restriction, given, by)
    output = sent.output or OutputIn()
    return saved.Definition(
        title=title.strip(),
        conditions=_conditions(before, sent, by),
        columns=_known(output.columns, before.columns, views.COLUMNS, "columns"),
        sort_by=_known([output.sort_by] if output.sort_by else None, [before.sort_by], SORTS, "sort_by")[0],
        descending=_descends(output.sort_order, before.descending),
        group_by=_group_by(output, before),
        group_descending=_descends(output.group_order, before.group_descending),
        owner=owner,
        group=group,
        active=sent.active if sent.active is not None else before.active,
    )


def _conditions(before: View, sent: ViewIn, by: Account) -> dict[str, list[dict[str, Any]]]:
    given = dict(sent.conditions or {})
    given |= {block: rows for block in conditions.BLOCKS if (rows := getattr(sent, block)) is not None}
    found, agents = dict(before.conditions), Agents()
    for block in conditions.BLOCKS:
        if block in given:
            found[block] = [_condition(row, agents) for row in given[block]]
    for block, rows in found.items():
        for number, row in enumerate(rows):
            if block in given and not conditions.understands(row, by):
                raise InvalidError(**{f"{block}.{number}": "There is no such condition, operator or value"})
        if len(rows) > conditions.MOST_ROWS:
            raise InvalidError(**{block: f"At most {conditions.MOST_ROWS} conditions"})
    if not any(found.values()):
        raise InvalidError(base="A view needs at least one condition")
    return found


def _condition(row: Mapping[str, Any], agents: Agents) -> dict[str, str]:
    field, value = str(row.get("field", "")), row.get("value")
    known = conditions.CONDITIONS.get(field)
    operator = row.get("operator") or (known.operators[0] if known else "")
    text = "" if value is None else str(value)
    if field == _OF_AGENTS and (text := agents.account(text)) == NOBODY:
        raise InvalidError(conditions=f"Conditions: user {value} is not an agent")
    return {"field": field, "operator": str(operator), "value": text}


def _shown_condition(row: Mapping[str, Any], agents: Agents) -> dict[str, Any]:
    return {**row, "value": agents.user(str(row["value"]))} if row["field"] == _OF_AGENTS else dict(row)


def _known(sent: Sequence[str] | None, before: Sequence[str], known: Mapping[str, Any], name: str) -> list[str]:
    if sent is None:
        return list(before)
    if unknown := [one for one in sent if one not in known]:
        raise InvalidError(**{name: f"Output: {unknown[0]} is not one of {', '.join(known)}"})
    return list(sent)


def _group_by(output: OutputIn, before: View) -> str:
    """Null, where it is sent, ends the grouping."""
    if "group_by" not in output.model_fields_set:
        return before.group_by
    return _known([output.group_by], [], dict.fromkeys(GROUPINGS), "group_by")[0] if output.group_by else ""


def _descends(sent: str | None, before: bool) -> bool:
    return before if sent is None else sent == "desc"


def _order(descending: bool) -> str:
    return "desc" if descending else "asc"


# The table


def _columns(view: View) -> list[dict[str, str]]:
    return [{"id": name, "title": gettext(views.COLUMNS[name])} for name in view.columns]


def _rows(columns: Sequence[str], found: list[Ticket]) -> list[dict[str, Any]]:
    """In a fixed number of queries."""
    failures = standing.open_failures_of([ticket.pk for ticket in found])
    shown = zip(found, tickets.present(found), strict=True)
    return [_row(columns, _Row(ticket, about, failures.get(ticket.pk, ()))) for ticket, about in shown]


def _row(columns: Sequence[str], row: _Row) -> dict[str, Any]:
    return {"ticket": row.shown, **{_CELLS[name][0]: _CELLS[name][1](row) for name in columns if name in _CELLS}}


def _beside_rows(view: View, found: list[Ticket]) -> dict[str, Any]:
    people = {ticket.requester_id for ticket in found} | {
        ticket.assignee.person_id for ticket in found if ticket.assignee
    }
    named = Group.objects.filter(pk__in={ticket.group_id for ticket in found})
    return {
        "columns": _columns(view),
        "view": {"id": view.pk, "url": paging.url(f"views/{view.pk}.json")},
        "users": present_users(list(Person.objects.filter(pk__in=people).order_by("id"))),
        "groups": groups.present(list(named.order_by("id"))),
    }


def _name(organization: Organization | None) -> str | None:
    return organization.name if organization else None


@dataclass(frozen=True)
class _Row:
    ticket: Ticket
    shown: dict[str, Any]  # the ticket as the API shows it
    failed: Sequence[Chain]


_CELLS: dict[str, tuple[str, Callable[[_Row], Any]]] = {
    "id": ("id", lambda row: row.ticket.pk),
    "subject": ("subject", lambda row: row.ticket.subject),
    "requester": ("requester_id", lambda row: row.shown["requester_id"]),
    "status": ("status", lambda row: row.shown["status"]),
    "priority": ("priority", lambda row: row.shown["priority"]),
    "assignee": ("assignee_id", lambda row: row.shown["assignee_id"]),
    "group": ("group_id", lambda row: row.shown["group_id"]),
    "organization": ("organization", lambda row: _name(row.ticket.requester.organization)),
    "type": ("type", lambda row: row.shown["type"]),
    "via": ("via", lambda row: row.ticket.via),
    "support_address": ("support_address", lambda row: row.shown["recipient"]),
    "tags": ("tags", lambda row: row.shown["tags"]),
    "updated": ("updated", lambda row: row.shown["updated_at"]),
    "created": ("created", lambda row: row.shown["created_at"]),
    "solved": ("solved", lambda row: time(row.ticket.solved_at)),
    "failed_recipient": ("failed_recipients", lambda row: [chain.newest.recipient for chain in row.failed]),
    "cause": ("causes", lambda row: [chain.newest.cause for chain in row.failed]),
    "code": ("codes", lambda row: [chain.code for chain in row.failed]),
    "failed": ("failed", lambda row: time(row.ticket.failed_at)),
}
