"""Search and views."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext
from ninja import Router, Schema

from answerback.api import paging, tickets
from answerback.api.auth import caller
from answerback.api.describe import PAGED, SORT_ORDER, doc, listed, needed, one, query
from answerback.api.errors import BadRequestError
from answerback.api.users import time
from answerback.search import find, sorts, views
from answerback.search import query as search_language
from answerback.search.models import View
from answerback.search.query import BEST
from answerback.tickets.models import Ticket

router = Router(tags=["search and views"])

_SORTS = {
    "updated_at": "updated",
    "created_at": "created",
    "priority": "priority",
    "status": "status",
    "ticket_type": "type",
    "relevance": "id",
}


class ResultOut(tickets.TicketOut):
    result_type: str


class CountAnswer(Schema):
    count: int


class ViewOut(Schema):
    id: int
    url: str
    title: str
    raw_title: str
    active: bool
    position: int
    default: bool
    conditions: dict[str, Any]
    execution: dict[str, Any]
    restriction: dict[str, Any] | None
    created_at: str
    updated_at: str


class ViewCountOut(Schema):
    view_id: int
    url: str
    value: int
    pretty: str
    fresh: bool


ResultList = listed("results", ResultOut, facets=(Any, None))
ViewList = listed("views", ViewOut)
ViewAnswer = one("view", ViewOut)
ViewCountAnswer = one("view_count", ViewCountOut)
_QUERY = needed(query("query", "words and `field:value`, such as `status<solved delivery:open`"))
_SORT_BY = query("sort_by", "by which field", enum=list(_SORTS))


@router.get("/search", **doc(ResultList, takes=(_QUERY, _SORT_BY, SORT_ORDER, *PAGED)))
def search(request: HttpRequest) -> HttpResponse:
    """Tickets, in the language of the workspace's search"""
    found = _search(request)
    sort_by = _SORTS.get(request.GET.get("sort_by", ""), "updated" if found.order == BEST else found.order)
    descending = request.GET.get("sort_order", "desc" if found.descending else "asc") != "asc"
    rows, keys = sorts.ordered(find.tickets(found), sort_by, descending)
    rows = rows.order_by(*(key.order() for key in keys))
    return paging.by_offset(request, rows, "results", _results, lambda found: {"facets": None})


@router.get("/search/count", **doc(CountAnswer, takes=(_QUERY,)))
def count_search(request: HttpRequest) -> HttpResponse:
    """How many tickets a search finds"""
    return JsonResponse({"count": min(find.count(_search(request)), find.MOST)})


@router.get("/views", **doc(ViewList, takes=PAGED))
def list_views(request: HttpRequest) -> HttpResponse:
    """Views that the account sees"""
    return paging.answer(request, _visible(request), "views", _present_views)


@router.get("/views/{int:view_id}", **doc(ViewAnswer, faults=(404,)))
def show_view(request: HttpRequest, view_id: int) -> HttpResponse:
    """One view"""
    return JsonResponse({"view": _present_views([_visible(request).get(pk=view_id)])[0]})


@router.get("/views/{int:view_id}/tickets", **doc(tickets.TicketList, takes=(*PAGED, tickets.INCLUDE), faults=(404,)))
def list_view_tickets(request: HttpRequest, view_id: int) -> HttpResponse:
    """The tickets of a view"""
    rows = views.tickets(_visible(request).get(pk=view_id), caller(request))
    return paging.answer(request, rows, "tickets", tickets.present, beside=partial(tickets.beside, request))


@router.get("/views/{int:view_id}/count", **doc(ViewCountAnswer, faults=(404,)))
def count_view(request: HttpRequest, view_id: int) -> HttpResponse:
    """How many tickets a view has"""
    value = views.tickets(_visible(request).get(pk=view_id), caller(request)).count()
    url = paging.url(f"views/{view_id}/count.json")
    shown = {"view_id": view_id, "url": url, "value": value, "pretty": str(value), "fresh": True}
    return JsonResponse({"view_count": shown})


def _search(request: HttpRequest) -> search_language.Search:
    text = request.GET.get("query", "")
    if not text.strip():
        raise BadRequestError("query is needed")
    return search_language.parse(text, caller(request))


def _results(found: list[Ticket]) -> list[dict[str, Any]]:
    return [row | {"result_type": "ticket"} for row in tickets.present(found)]


def _visible(request: HttpRequest) -> Any:
    ids = [view.pk for view in views.visible_to(caller(request))]
    return View.objects.filter(pk__in=ids)


def _present_views(rows: list[View]) -> list[dict[str, Any]]:
    return [
        {
            "id": view.pk,
            "url": paging.url(f"views/{view.pk}.json"),
            "title": gettext(view.title) if view.key else view.title,
            "raw_title": view.title,
            "active": view.active,
            "position": view.position,
            "default": bool(view.key),
            "conditions": view.conditions,
            "execution": {
                "columns": [{"id": name, "title": gettext(views.COLUMNS[name])} for name in view.columns],
                "sort_by": view.sort_by,
                "sort_order": "desc" if view.descending else "asc",
            },
            "restriction": {"type": "User", "id": view.owner.person_id} if view.owner else None,
            "created_at": time(view.created_at),
            "updated_at": time(view.updated_at),
        }
        for view in rows
    ]
