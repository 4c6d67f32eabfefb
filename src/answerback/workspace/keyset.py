"""Pages of a list that is sorted newest first, by a time and the id: as fast in the middle as at the start.

The mark of a page is the place of its last row: "2026-11-03T14:02:00+00:00,42". Marks that are not ours are ignored.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest

Row = TypeVar("Row", bound=Model)
PAGE_SIZE = 50


@dataclass(frozen=True)
class Page(Generic[Row]):
    """`after_url` is "" on the last page, `first_url` on the first."""

    rows: list[Row]
    after_url: str
    first_url: str


def page(request: HttpRequest, rows: QuerySet[Row], column: str, size: int = PAGE_SIZE) -> Page[Row]:
    """The page that `after=` of the address asks for, newest `column` first. Rows without that time are not listed."""
    mark = _read(request.GET.get("after", ""))
    rows = rows.filter(**{f"{column}__isnull": False})
    if mark:
        at, pk = mark
        rows = rows.filter(Q(**{f"{column}__lt": at}) | Q(**{column: at, "pk__lt": pk}))
    found = list(rows.order_by(f"-{column}", "-pk")[: size + 1])
    more, found = len(found) > size, found[:size]
    after = f"{getattr(found[-1], column).isoformat()},{found[-1].pk}" if more else ""
    return Page(found, _url(request, after) if after else "", _url(request, "") if mark else "")


def _read(mark: str) -> tuple[datetime, int] | None:
    at, _, pk = mark.rpartition(",")
    try:
        found = datetime.fromisoformat(at), int(pk)
    except ValueError:
        return None
    return found if found[0].tzinfo else None


def _url(request: HttpRequest, after: str) -> str:
    kept = request.GET.copy()
    kept.pop("part", None)
    kept.pop("after", None)
    if after:
        kept["after"] = after
    return f"{request.path}?{kept.urlencode()}" if kept else request.path
