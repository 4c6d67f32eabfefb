"""Lists of tickets: a view's, and a search's. Paged by keyset, a fixed number of queries for any number of rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext, gettext_noop

from answerback.outbound import standing
from answerback.outbound.standing import Chain
from answerback.search import query, views
from answerback.search.views import COLUMNS, SORTS
from answerback.tickets.models import Tag, Ticket
from answerback.workspace import frame
from answerback.workspace.access import account_of, agent_required

FAILURE_COLUMNS = {"failed_recipient", "cause", "code"}
SEARCH_COLUMNS = ["subject", "requester", "status", "assignee", "updated"]
# column -> what the list is sorted by when its heading is pressed
SORTED_BY = {"subject": "id"} | {column: column for column in SORTS}
PROBLEMS = {
    "unknown_key": gettext_noop("“%s:” is not something one can search by."),
    "unknown_order": gettext_noop("One cannot sort by “%s”."),
    "bad_date": gettext_noop("“%s” is not a date; write it like 2026-11-23."),
}
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


@agent_required
def view(request: HttpRequest, key: str) -> HttpResponse:
    account = account_of(request)
    found = views.find(key, account)
    if found is None:
        raise Http404
    title, text = EMPTY_TEXTS.get(found.key, EMPTY_VIEW)
    context = _list_context(request, views.tickets(found, account), found.columns, found.sort_by, found.descending)
    context |= {
        "view": found,
        "title": frame.title_of(found),
        "may_edit": not found.key and (found.owner_id in (None, account.pk)),
        "empty_title": gettext(title),
        "empty_text": gettext(text),
        "live_url": request.get_full_path(),
    }
    return _render_list(request, "lists/view.html", context)


@agent_required
def search(request: HttpRequest) -> HttpResponse:
    text = request.GET.get("q", "").strip()
    understood = query.parse(text, account_of(request))
    rows = understood.tickets() if text else Ticket.objects.none()
    context = _list_context(request, rows, SEARCH_COLUMNS, understood.sort_by, understood.descending)
    context |= {
        "query_text": text,
        "problems": [gettext(PROBLEMS[problem]) % what for problem, what in understood.problems],
        "live_url": request.get_full_path(),
    }
    return _render_list(request, "lists/search.html", context)


def _render_list(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """The whole page, or only its table where the open page follows a change."""
    return render(request, "lists/_table.html" if request.GET.get("part") == "table" else template, context)


def _list_context(
    request: HttpRequest, tickets: QuerySet[Ticket], columns: Sequence[str], sort_by: str, descending: bool
) -> dict[str, Any]:
    if (wanted := request.GET.get("sort", "")) in SORTS:
        sort_by, descending = wanted, request.GET.get("order") != "asc"
    page = views.page(
        tickets, sort_by, descending, after=request.GET.get("after", ""), before=request.GET.get("before", "")
    )
    shown = [column for column in columns if column in COLUMNS and column != "id"]
    return {
        "rows": _rows(page.tickets, shown),
        "headings": [_heading(request, column, sort_by, descending) for column in shown],
        "columns": shown,
        "after_url": _url(request, after=page.after) if page.after else "",
        "before_url": _url(request, before=page.before) if page.before else "",
    }


def _rows(tickets: Sequence[Ticket], columns: Sequence[str]) -> list[Row]:
    ids = [ticket.pk for ticket in tickets]
    failures = standing.open_failures_of(ids) if FAILURE_COLUMNS & set(columns) else {}
    tags: dict[int, list[str]] = {}
    if "tags" in columns:
        for ticket_id, name in Tag.objects.filter(ticket__in=ids).order_by("name").values_list("ticket_id", "name"):
            tags.setdefault(ticket_id, []).append(name)
    return [Row(ticket, failures.get(ticket.pk, ()), tags.get(ticket.pk, ())) for ticket in tickets]


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
