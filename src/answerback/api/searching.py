"""Search and views."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext
from ninja import Router

from answerback.api import paging, tickets
from answerback.api.auth import caller
from answerback.api.errors import BadRequestError
from answerback.api.users import time
from answerback.search import query, views
from answerback.search.models import View
from answerback.tickets.models import Ticket

router = Router(tags=["search and views"])

_SORTS = {"updated_at": "updated_at", "created_at": "created_at", "priority": "priority_rank", "status": "status_rank"}


@router.get("/search")
def search(request: HttpRequest) -> HttpResponse:
    """`query` in the language of the workspace's search; `sort_by`, `sort_order`."""
    found = _search(request)
    column = _SORTS.get(request.GET.get("sort_by", ""), views.SORTS[found.sort_by])
    descending = request.GET.get("sort_order", "desc" if found.descending else "asc") != "asc"
    rows = found.tickets().order_by(f"-{column}" if descending else column, "-id")
    return paging.by_offset(request, rows, "results", _results, facets=None)


@router.get("/search/count")
def count(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"count": _search(request).tickets().count()})


@router.get("/views")
def list_views(request: HttpRequest) -> HttpResponse:
    return paging.answer(request, _visible(request), "views", _present_views)


@router.get("/views/{int:view_id}")
def show_view(request: HttpRequest, view_id: int) -> HttpResponse:
    return JsonResponse({"view": _present_views([_visible(request).get(pk=view_id)])[0]})


@router.get("/views/{int:view_id}/tickets")
def list_view_tickets(request: HttpRequest, view_id: int) -> HttpResponse:
    rows = views.tickets(_visible(request).get(pk=view_id), caller(request))
    return paging.answer(request, rows, "tickets", tickets.present)


@router.get("/views/{int:view_id}/count")
def count_view(request: HttpRequest, view_id: int) -> HttpResponse:
    value = views.tickets(_visible(request).get(pk=view_id), caller(request)).count()
    url = paging.url(f"views/{view_id}/count.json")
    shown = {"view_id": view_id, "url": url, "value": value, "pretty": str(value), "fresh": True}
    return JsonResponse({"view_count": shown})


def _search(request: HttpRequest) -> query.Search:
    text = request.GET.get("query", "")
    if not text.strip():
        raise BadRequestError("query is needed")
    return query.parse(text, caller(request))


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
