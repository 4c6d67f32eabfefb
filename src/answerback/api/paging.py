"""Lists page by cursor (`page[size]`, `page[after]`, `page[before]`) or by offset (`page`, `per_page`)."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import Model, QuerySet
from django.http import HttpRequest, JsonResponse

from answerback.api.errors import BadRequestError
from answerback.search import keyset

MOST = 100
_NOT_OURS = "the cursor is not one of ours"
Beside = Callable[[list[Any]], dict[str, Any]]


def answer(
    request: HttpRequest,
    rows: QuerySet[Any],
    key: str,
    present: Callable[[list[Any]], list[dict[str, Any]]],
    *,
    newest_first: bool = False,
    cursor_only: bool = False,
    keep_cursor: bool = False,
    beside: Beside | None = None,
) -> JsonResponse:
    """One page of `rows`, ordered by id, under `key`.

    `keep_cursor`: an empty page answers the cursor it was asked with, for those who come again later.
    `present` and `beside` (what else stands in the answer) get the page's rows at once: no query per row.
    """
    if cursor_only or any(name.startswith("page[") for name in request.GET):
        return _by_cursor(request, rows, key, present, newest_first, keep_cursor, beside)
    return by_offset(request, rows.order_by("-id" if newest_first else "id"), key, present, beside)


def by_offset(
    request: HttpRequest,
    rows: QuerySet[Any],
    key: str,
    present: Callable[[list[Any]], list[dict[str, Any]]],
    beside: Beside | None = None,
) -> JsonResponse:
    """One page of `rows` in their own order, with `count`, `next_page`, `previous_page`."""
    size, number = _integer(request, "per_page", MOST, MOST), _integer(request, "page", 1, 10_000)
    count = rows.count()
    start = (number - 1) * size
    found = list(rows[start : start + size])
    body = {
        key: present(found),
        "count": count,
        "next_page": _link(request, page=number + 1) if start + size < count else None,
        "previous_page": _link(request, page=number - 1) if number > 1 else None,
    }
    return JsonResponse(body | (beside(found) if beside else {}))


def _by_cursor(
    request: HttpRequest,
    rows: QuerySet[Any],
    key: str,
    present: Callable[[list[Any]], list[dict[str, Any]]],
    newest_first: bool,
    keep_cursor: bool,
    beside: Beside | None,
) -> JsonResponse:
    after, before = _asked(request)
    size = _integer(request, "page[size]", _integer(request, "per_page", MOST, MOST), MOST)
    backwards = bool(before)
    descending = newest_first != backwards
    if mark := after or before:
        rows = rows.filter(**{"pk__lt" if descending else "pk__gt": _read_cursor(mark)})
    found = list(rows.order_by("-pk" if descending else "pk")[: size + 1])
    more, found = len(found) > size, found[:size]
    if backwards:
        found.reverse()
    has_next, has_previous = (more, bool(after)) if not backwards else (True, more)
    first, last = (_cursor(found[0]), _cursor(found[-1])) if found else (None, None)
    if keep_cursor and not found:
        last = after
    body = {
        key: present(found),
        "meta": {"has_more": has_next, "after_cursor": last, "before_cursor": first},
        "links": _neighbours(request, last if has_next else None, first if has_previous else None),
    }
    return JsonResponse(body | (beside(found) if beside else {}))


def by_mark(
    request: HttpRequest,
    page: Callable[[str, str, int], keyset.Page],
    key: str,
    present: Callable[[list[Any]], list[dict[str, Any]]],
    beside: dict[str, Any],
    most: int,
) -> JsonResponse:
    """One page of what has an order of its own: `page` is called with after, before and size. Cursors are its marks."""
    after, before = _asked(request)
    if (mark := after or before) and keyset.read_mark(mark, 1) is None:
        raise BadRequestError(_NOT_OURS)
    found = page(after, before, _integer(request, "page[size]", MOST, most))
    following, previous = found.after or None, found.before or None
    body = {
        key: present(found.rows),
        "meta": {"has_more": bool(following), "after_cursor": following, "before_cursor": previous},
        "links": _neighbours(request, following, previous),
    }
    return JsonResponse(body | beside)


def ids(text: str) -> list[int]:
    """The numbers of a comma list. BadRequestError."""
    numbers = [part.strip() for part in text.strip("[]").split(",")]
    if not all(number.isdecimal() and number.isascii() and len(number) <= 18 for number in numbers):
        raise BadRequestError(f"{text!r} is not a list of ids")
    return [int(number) for number in numbers]


def url(path: str) -> str:
    """An absolute address a client can follow."""
    return f"{settings.BASE_URL}/api/v2/{path}"


def _asked(request: HttpRequest) -> tuple[str, str]:
    """The cursors to go on from, after and before. BadRequestError."""
    after, before = request.GET.get("page[after]", ""), request.GET.get("page[before]", "")
    if after and before:
        raise BadRequestError("page[after] and page[before] exclude each other")
    return after, before


def _neighbours(request: HttpRequest, after: str | None, before: str | None) -> dict[str, str | None]:
    return {
        "next": _link(request, **{"page[after]": after, "page[before]": None}) if after else None,
        "prev": _link(request, **{"page[before]": before, "page[after]": None}) if before else None,
    }


def _link(request: HttpRequest, **changed: Any) -> str:
    query = {name: value for name, value in request.GET.items() if value not in (None, "")} | changed
    kept = {name: value for name, value in query.items() if value is not None}
    return f"{settings.BASE_URL}{request.path}?{urlencode(kept)}"


def _integer(request: HttpRequest, name: str, default: int, most: int) -> int:
    value = request.GET.get(name, "")
    return max(1, min(int(value[:9]), most)) if value.isdigit() else default


def _cursor(row: Model) -> str:
    return base64.urlsafe_b64encode(str(row.pk).encode()).decode().rstrip("=")


def _read_cursor(text: str) -> int:
    try:
        return int(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError:
        raise BadRequestError(_NOT_OURS) from None
