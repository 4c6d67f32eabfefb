"""Lists of tickets: a view's, and a search's. Paged by keyset, a fixed number of queries for any number of rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext, gettext_noop

from answerback.desk.composing import drafts
from answerback.outbound import standing
from answerback.outbound.standing import Chain
from answerback.search import catching_up, find, keyset, query, saved, views
from answerback.search.keyset import Page
from answerback.search.models import View
from answerback.search.sorts import SORTS
from answerback.search.views import COLUMNS
from answerback.tickets.models import Tag, Ticket
from answerback.workspace import csv_file, frame, list_groups, query_words
from answerback.workspace.access import account_of, agent_required

FAILURE_COLUMNS = {"failed_recipient", "cause", "code"}
SEARCH_COLUMNS = ["subject", "requester", "status", "assignee", "updated"]
# column -> what the list is sorted by when its heading is pressed
SORTED_BY = {column: column for column in COLUMNS if column in SORTS}
PREVIEWED = 8  # rows in the editor
COUNTED = 999  # tickets of a search that are counted
_CSV_COLUMNS = (
    "id", "subject", "requester", "status", "priority", "type", "assignee", "group", "tags", "created_at", "updated_at",
    "solved_at", "failed_recipients", "causes", "codes",
)  # fmt: skip
EMPTY_TEXTS = {
    "undelivered": (
        gettext_noop("Every reply arrived"),
        gettext_noop("When an answer cannot be delivered, its ticket stands here at once."),
    ),
    "my-undelivered": (gettext_noop("Every reply arrived"), gettext_noop("None of your answers is waiting for you.")),
    "my-open": (
        gettext_noop("Nothing on your desk"),
        gettext_noop("Tickets assigned to you appear here by themselves."),
    ),
    "unassigned": (
        gettext_noop("Everything has an owner"),
        gettext_noop("New tickets without an assignee appear here."),
    ),
    "trying": (
        gettext_noop("Nothing is waiting"),
        gettext_noop("Mail that a server asked us to send later is listed here."),
    ),
}
EMPTY_VIEW = (gettext_noop("No tickets here"), gettext_noop("Tickets that fit this view appear here by themselves."))


@dataclass(frozen=True)
class Heading:
    key: str
    title: str
    sort: str  # "" where one cannot sort by it
    direction: str  # "ascending", "descending" or ""
    url: str


@dataclass(frozen=True)
class Row:
    ticket: Ticket
    failures: Sequence[Chain]
    tags: Sequence[str]
    group_title: str = ""  # of the group that begins with this row


@agent_required
def view(request: HttpRequest, key: str) -> HttpResponse:
    account = account_of(request)
    found = views.find(key, account)
    if found is None:
        raise Http404
    title, text = EMPTY_TEXTS.get(found.key, EMPTY_VIEW)
    context = _view_context(request, found)
    context |= {
        "selectable": True,
        "view": found,
        "title": frame.title_of(found),
        "may_edit": not found.key and saved.may_change(found, account),
        "empty_title": gettext(title),
        "empty_text": gettext(text),
        "live_url": request.get_full_path(),
    }
    return _render_list(request, "lists/view.html", context)


@agent_required
def search(request: HttpRequest) -> HttpResponse:
    text = request.GET.get("q", "").strip()
    understood = query.parse(text, account_of(request))
    context: dict[str, Any] = {"query_text": text, "live_url": request.get_full_path(), "selectable": True}
    if text:
        context |= _search_context(request, understood)
    context |= {
        "problems": [query_words.problem(one, text) for one in understood.problems],
        "help": query_words.help_sheet(),
        "examples": query_words.examples(),
        "sorts": [*SORTS, query.BEST],
        "still_reading": catching_up.left(),
    }
    return _render_list(request, "lists/search.html", context)


@agent_required
def export(request: HttpRequest) -> HttpResponse:
    """What a search finds, newest first, as a file for a spreadsheet."""
    understood = query.parse(request.GET.get("q", ""), account_of(request))
    rows = find.tickets(understood).select_related("requester", "assignee__person", "group").order_by("-id")
    tickets = list(rows[: find.MOST])
    table = _rows(tickets, ["tags", "cause"], "")
    return csv_file.response("search", _CSV_COLUMNS, map(_cells, table))


def preview_context(request: HttpRequest, view: View) -> dict[str, Any]:
    """The first rows of a view that is not stored, and how many there are."""
    account = account_of(request)
    rows, keys = views.ordered(view, account)
    page = keyset.page(rows, keys, size=PREVIEWED)
    view.pk = 0
    count = views.counts([view], account)[0]
    context = _list_context(request, page, view.columns, view.sort_by, view.descending, view.group_by)
    return context | {"count": min(count, views.COUNTED), "more": count > views.COUNTED}


def _view_context(request: HttpRequest, view: View) -> dict[str, Any]:
    wanted, ascending = _asked_order(request)
    rows, keys = views.ordered(view, account_of(request), wanted, not ascending)
    page = keyset.page(rows, keys, request.GET.get("after", ""), request.GET.get("before", ""))
    sort_by, descending = (wanted, not ascending) if wanted else (view.sort_by, view.descending)
    return _list_context(request, page, view.columns, sort_by, descending, view.group_by)


def _search_context(request: HttpRequest, understood: query.Search) -> dict[str, Any]:
    wanted, ascending = _asked_order(request)
    order, descending = (wanted, not ascending) if wanted else (understood.order, understood.descending)
    page = find.page(understood, order, descending, request.GET.get("after", ""), request.GET.get("before", ""))
    columns = [*SEARCH_COLUMNS, *([order] if order in COLUMNS and order not in (*SEARCH_COLUMNS, "id") else [])]
    count = find.count_quickly(understood, COUNTED) if request.GET.get("part") != "table" else None
    return _list_context(request, page, columns, order, descending) | {
        "count": None if count is None else min(count, COUNTED),
        "more": count is not None and count > COUNTED,
        "orders": query_words.orders(order, bool(understood.terms), lambda sort: _url(request, sort=sort)),
    }


def _asked_order(request: HttpRequest) -> tuple[str, bool]:
    """What the reader sorts by ("" where the list's own order holds), and whether the small end comes first."""
    wanted = request.GET.get("sort", "")
    return wanted if wanted in SORTS or wanted == query.BEST else "", request.GET.get("order") == "asc"


def _render_list(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """The whole page, or only its table where the open page follows a change."""
    return render(request, "lists/_table.html" if request.GET.get("part") == "table" else template, context)


def _list_context(
    request: HttpRequest, page: Page, columns: Sequence[str], sort_by: str, descending: bool, group_by: str = ""
) -> dict[str, Any]:
    shown = [column for column in columns if column in COLUMNS and column != "id"]
    return {
        "rows": _rows(page.rows, shown, group_by),
        "begun": drafts.tickets_with_one([ticket.pk for ticket in page.rows], account_of(request)),
        "headings": [_heading(request, column, sort_by, descending) for column in shown],
        "columns": shown,
        "after_url": _url(request, after=page.after) if page.after else "",
        "before_url": _url(request, before=page.before) if page.before else "",
    }


def _rows(tickets: Sequence[Ticket], columns: Sequence[str], group_by: str) -> list[Row]:
    ids = [ticket.pk for ticket in tickets]
    failures = standing.open_failures_of(ids) if FAILURE_COLUMNS & set(columns) else {}
    tags: dict[int, list[str]] = {}
    if "tags" in columns:
        for ticket_id, name in Tag.objects.filter(ticket__in=ids).order_by("name").values_list("ticket_id", "name"):
            tags.setdefault(ticket_id, []).append(name)
    titles = list_groups.titles(tickets, group_by)
    return [
        Row(ticket, failures.get(ticket.pk, ()), tags.get(ticket.pk, ()), title)
        for ticket, title in zip(tickets, titles, strict=True)
    ]


def _cells(row: Row) -> list[object]:
    ticket, failed = row.ticket, row.failures
    return [
        ticket.pk, ticket.subject, ticket.requester.name, ticket.status, ticket.priority, ticket.type,
        ticket.assignee.person.name if ticket.assignee else "", ticket.group.name if ticket.group else "",
        " ".join(row.tags), ticket.created_at, ticket.updated_at, ticket.solved_at,
        " ".join(chain.newest.recipient for chain in failed), " ".join(chain.newest.cause for chain in failed),
        "; ".join(chain.code for chain in failed),
    ]  # fmt: skip


def _heading(request: HttpRequest, column: str, sort_by: str, descending: bool) -> Heading:
    sort = SORTED_BY.get(column, "")
    active = bool(sort) and sort == sort_by
    order = "asc" if active and descending else "desc"
    return Heading(
        key=column,
        title=gettext(COLUMNS[column]),
        sort=sort,
        direction=("descending" if descending else "ascending") if active else "",
        url=_url(request, sort=sort, order=order) if sort else "",
    )


def _url(request: HttpRequest, **changes: str) -> str:
    """This address with other parameters; marks of a page do not survive a change."""
    kept = request.GET.copy()
    for name in ("after", "before", "part"):
        kept.pop(name, None)
    for name, value in changes.items():
        kept[name] = value
    return f"{request.path}?{kept.urlencode()}"
