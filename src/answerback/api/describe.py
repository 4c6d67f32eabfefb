"""What the OpenAPI document says of an endpoint, written beside it: `@router.get("/users", **doc(UserList))`.

The summary is the first line of the handler's docstring, the description the rest. tests/api/described.py holds
answers against the shapes named here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ninja import Schema
from pydantic import create_model

Parameter = dict[str, Any]


class Error(Schema):
    """Why nothing was done."""

    error: str
    description: str | None = None
    details: dict[str, list[dict[str, str]]] | None = None


class Meta(Schema):
    has_more: bool
    after_cursor: str | None = None
    before_cursor: str | None = None


class Links(Schema):
    next: str | None = None
    prev: str | None = None


def listed(key: str, item: Any, **beside: Any) -> type[Schema]:
    """The envelope of a list: rows under `key`, and what pages need, of either way of paging."""
    name = "".join(part.capitalize() for part in key.split("_")) + "List"
    fields: dict[str, Any] = {
        key: (list[item], ...),
        "count": (int | None, None),
        "next_page": (str | None, None),
        "previous_page": (str | None, None),
        "meta": (Meta | None, None),
        "links": (Links | None, None),
    }
    return create_model(name, __base__=Schema, **fields, **beside)


def one(key: str, item: Any, name: str = "", **beside: Any) -> type[Schema]:
    """The envelope of one thing."""
    name = name or "".join(part.capitalize() for part in key.split("_")) + "Answer"
    fields: dict[str, Any] = {key: (item, ...)}
    return create_model(name, __base__=Schema, **fields, **beside)


def query(name: str, description: str, kind: str = "string", **schema: Any) -> Parameter:
    """A query parameter that may be left out."""
    return {
        "in": "query",
        "name": name,
        "description": description,
        "required": False,
        "schema": {"type": kind} | schema,
    }


def needed(parameter: Parameter) -> Parameter:
    return parameter | {"required": True}


def header(name: str, description: str) -> Parameter:
    return {"in": "header", "name": name, "description": description, "required": False, "schema": {"type": "string"}}


SORT_ORDER = query("sort_order", "asc or desc", enum=["asc", "desc"])
BY_CURSOR = (
    query("page[size]", "rows of a page, at most 100", "integer", minimum=1, maximum=100),
    query("page[after]", "the page after this cursor"),
    query("page[before]", "the page before this cursor"),
)
PAGED = (
    *BY_CURSOR,
    query("page", "number of the page, where paging goes by offset", "integer", minimum=1, maximum=10_000),
    query("per_page", "rows of a page, where paging goes by offset", "integer", minimum=1, maximum=100),
)
IDEMPOTENT = (header("Idempotency-Key", "the same key again gives the first answer again; kept for 24 hours"),)


def doc(
    answers: Any,
    *,
    status: int = 200,
    takes: Sequence[Parameter] = (),
    example: Any = None,
    faults: Sequence[int] = (),
    also: dict[int, Any] | None = None,
) -> dict[str, Any]:
    """Keywords for a route: what it answers (None: no body), takes, and how it can fail beside 401 and 429."""
    extra: dict[str, Any] = {"parameters": [dict(one) for one in takes]}
    if example is not None:
        extra["requestBody"] = {"content": {"application/json": {"example": example}}}
    return {
        "response": {status: answers} | (also or {}) | dict.fromkeys(faults, Error),
        "openapi_extra": extra,
    }
