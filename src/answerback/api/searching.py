"""Search: by pages, counted, and all of it by cursor."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import Router, Schema

from answerback.api import paging, tickets
from answerback.api.auth import caller
from answerback.api.describe import PAGED, SORT_ORDER, doc, listed, needed, query
from answerback.api.errors import BadRequestError
from answerback.search import find, sorts
from answerback.search import query as search_language
from answerback.search.query import BEST, NEWEST
from answerback.tickets.models import Ticket

router = Router(tags=["search"])

MOST_EXPORTED = 1000  # rows of a page
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


class Reach(Schema):
    """`complete`: false where more tickets have the words than the newest 10,000, which are searched."""

    complete: bool


class CountAnswer(Schema):
    count: int


ResultList = listed("results", ResultOut, facets=(Any, None), answerback=(Reach | None, None))
_QUERY = needed(query("query", "words and `field:value`, such as `status<solved delivery:open`"))
_SORT_BY = query("sort_by", "by which field", enum=list(_SORTS))
_EXPORTED = (
    needed(query("filter[type]", "ticket", enum=["ticket"])),
    query("page[size]", "rows of a page, at most 1,000", "integer", minimum=1, maximum=MOST_EXPORTED),
    query("page[after]", "the page after this cursor"),
    query("page[before]", "the page before this cursor"),
)


@router.get("/search", **doc(ResultList, takes=(_QUERY, _SORT_BY, SORT_ORDER, *PAGED)))
def search(request: HttpRequest) -> HttpResponse:
    """Tickets, in the language of the workspace's search

    With words, the newest 10,000 that have them; `answerback.complete` says whether these are all, and `count` counts
    no further. `search/export` goes through all.
    """
    found = _search(request)
    sort_by = _SORTS.get(request.GET.get("sort_by", ""), "updated" if found.order == BEST else found.order)
    descending = request.GET.get("sort_order", "desc" if found.descending else "asc") != "asc"
    rows, keys = sorts.ordered(find.tickets(found), sort_by, descending)
    rows = rows.order_by(*(key.order() for key in keys))
    beside = {"facets": None, "answerback": {"complete": find.is_complete(found)}}
    return paging.by_offset(request, rows, "results", _results, lambda _: beside)


@router.get("/search/count", **doc(CountAnswer, takes=(_QUERY,)))
def count_search(request: HttpRequest) -> HttpResponse:
    """How many tickets a search finds

    With words it counts no further than 10,000: then there may be more.
    """
    return JsonResponse({"count": find.tickets(_search(request)).count()})


@router.get("/search/export", **doc(ResultList, takes=(_QUERY, *_EXPORTED)))
def export_search(request: HttpRequest) -> HttpResponse:
    """All tickets that a search finds, newest first

    By cursor, however many there are. A page may be short, even empty: `meta.has_more` says whether it goes on.
    """
    if request.GET.get("filter[type]") != "ticket":
        raise BadRequestError("filter[type]=ticket is needed")
    found = _search(request)

    def page(after: str, before: str, size: int) -> find.Page:
        return find.page(found, NEWEST, descending=True, after=after, before=before, size=size)

    return paging.by_mark(request, page, "results", _results, {"facets": None}, MOST_EXPORTED)


def _search(request: HttpRequest) -> search_language.Search:
    text = request.GET.get("query", "")
    if not text.strip():
        raise BadRequestError("query is needed")
    return search_language.parse(text, caller(request))


def _results(found: list[Ticket]) -> list[dict[str, Any]]:
    return [row | {"result_type": "ticket"} for row in tickets.present(found)]
