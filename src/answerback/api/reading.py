"""Reading a request: what no database can keep is refused before anybody looks at it.

PostgreSQL takes no NUL in a text, and neither database half surrogates.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja.parser import Parser

from answerback.api.errors import BadRequestError


class JsonParser(Parser):
    def parse_body(self, request: HttpRequest) -> Any:
        """BadRequestError; what is no JSON is ninja's matter."""
        found = super().parse_body(request)
        _refuse(found)
        return found


def refuse_unkeepable_query(request: HttpRequest) -> None:
    """BadRequestError."""
    _refuse([request.path, *request.GET, *(value for values in request.GET.lists() for value in values[1])])


def _refuse(found: Any) -> None:
    if isinstance(found, dict):
        _refuse([*found.keys(), *found.values()])
    elif isinstance(found, list):
        for part in found:
            _refuse(part)
    elif isinstance(found, str) and not _is_keepable(found):
        raise BadRequestError("A text holds characters that cannot be kept")


def _is_keepable(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
