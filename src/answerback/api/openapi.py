"""The OpenAPI document: made from the routes and what `describe.doc` says beside them: one description.

`/api/v2/openapi.json` is the document, `/api/docs` the same to read. Both are open to everybody: they tell no data.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.html import escape
from django.utils.safestring import mark_safe

from answerback.api.root import api

_CODE = re.compile("`([^`]+)`")
_DESCRIPTION = (
    "The helpdesk's API, in the shapes of Zendesk's. Sign in with `email/token:TOKEN` or with the token as bearer. "
    "`.json` at the end of an address changes nothing. Times are UTC."
)
_EVERYWHERE = {
    "400": "The request is unusable: a filter is missing, a cursor is not ours, the body is no JSON",
    "401": "Nobody is known by these credentials",
    "429": "Too many requests: `Retry-After` says in how many seconds to come again",
}
_MEANINGS = {
    "403": "The caller's role does not reach as far as this",
    "404": "There is no such thing",
    "409": "Somebody was quicker",
    "413": "Too large",
    "422": "What was sent cannot be done: `details` says which field and why",
}


def served(request: HttpRequest) -> HttpResponse:
    return JsonResponse(document())


def readable(request: HttpRequest) -> HttpResponse:
    """The document as a page, without a script."""
    shown = document()
    context = {
        "document": shown,
        "about": _with_code(shown["info"]["description"]),
        "groups": _groups(shown),
        "everywhere": {status: _with_code(words) for status, words in _EVERYWHERE.items()},
        "shapes": _shapes(shown),
    }
    return render(request, "api/page.html", context)


@cache
def document() -> dict[str, Any]:
    """Everything a client needs to know."""
    shown: dict[str, Any] = dict(api.get_openapi_schema(path_prefix="/api/v2/"))
    shown["info"] |= {"description": _DESCRIPTION, "license": {"name": "AGPL-3.0-or-later"}}
    shown["servers"] = [{"url": settings.BASE_URL}]
    shown["components"]["securitySchemes"] = {
        "basic": {"type": "http", "scheme": "basic", "description": "user `email/token`, password the token"},
        "bearer": {"type": "http", "scheme": "bearer"},
    }
    for operation in operations(shown):
        summary, _, more = operation.get("description", "").partition("\n")
        operation["summary"], operation["description"] = summary, more.strip()
        for parameter in operation["parameters"]:
            if parameter["in"] == "path" and parameter["schema"].get("type") == "integer":
                parameter["schema"]["minimum"] = 1
        operation["security"] = [{"basic": []}, {"bearer": []}]
        operation["responses"] = _responses(operation["responses"])
    return shown


def operations(shown: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for methods in shown["paths"].values() for operation in methods.values()]


def _responses(found: dict[Any, Any]) -> dict[str, Any]:
    """Under text keys, as OpenAPI wants them, with what can happen anywhere."""
    error = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}
    everywhere = {code: error | {"description": words} for code, words in _EVERYWHERE.items()}
    named = {str(code): answer for code, answer in found.items()}
    return {
        code: answer | {"description": _MEANINGS.get(code, answer["description"])} for code, answer in named.items()
    } | everywhere


def _groups(shown: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Operations by their tag, in the order of the routes."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, methods in shown["paths"].items():
        for method, operation in methods.items():
            sent = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")
            entry = operation | {
                "method": method.upper(),
                "path": path,
                "sent": json.dumps(sent, indent=2) if sent else "",
                "about": _with_code(operation["description"]),
                "answers": [
                    _answer(status, answer)
                    for status, answer in operation["responses"].items()
                    if status not in _EVERYWHERE
                ],
            }
            groups.setdefault(operation["tags"][0], []).append(entry)
    return groups


def _answer(status: str, answer: dict[str, Any]) -> dict[str, str]:
    schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
    shape = _word(schema) if "$ref" in schema else ""
    return {"status": status, "about": _with_code(answer["description"]), "shape": shape}


def _with_code(text: str) -> str:
    """What stands between backticks is code."""
    return mark_safe(_CODE.sub(r"<code>\1</code>", escape(text)))  # noqa: S308 - escaped just now


def _shapes(shown: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Each schema as rows of field and kind."""
    return {
        name: {
            "about": _with_code(schema.get("description", "")),
            "fields": [{"name": field, "kind": _word(kind)} for field, kind in schema.get("properties", {}).items()],
        }
        for name, schema in sorted(shown["components"]["schemas"].items())
    }


def _word(schema: dict[str, Any]) -> str:
    """A schema in a few words: "string or null", "list of UserOut"."""
    if "$ref" in schema:
        return schema["$ref"].rpartition("/")[2]
    if options := schema.get("anyOf"):
        return " or ".join(_word(option) for option in options)
    if schema.get("type") == "array":
        return f"list of {_word(schema.get('items', {}))}"
    return str(schema.get("type", "anything"))
