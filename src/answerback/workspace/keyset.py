"""Pages of a list that is sorted newest first, by a time and the id, with the addresses that lead on and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpRequest

from answerback.search import keyset
from answerback.search.keyset import PAGE_SIZE, Key

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True)
class Page(Generic[Row]):
    """`after_url` is "" on the last page, `first_url` on the first."""

    rows: list[Row]
    after_url: str
    first_url: str


def page(request: HttpRequest, rows: QuerySet[Row], column: str, size: int = PAGE_SIZE) -> Page[Row]:
    """The page that `after=` of the address asks for, newest `column` first. Rows without that time are not listed."""
    mark = request.GET.get("after", "")
    keys = [Key(column), Key("id")]
    found = keyset.page(rows.filter(**{f"{column}__isnull": False}), keys, after=mark, size=size)
    first_url = _url(request, "") if keyset.read_mark(mark, len(keys)) else ""
    return Page(found.rows, _url(request, found.after) if found.after else "", first_url)


def _url(request: HttpRequest, after: str) -> str:
    kept = request.GET.copy()
    kept.pop("part", None)
    kept.pop("after", None)
    if after:
        kept["after"] = after
    return f"{request.path}?{kept.urlencode()}" if kept else request.path
