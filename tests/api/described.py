"""Is an answer what the OpenAPI document says it is?"""

from __future__ import annotations

import re
from typing import Any

import jsonschema_rs

from answerback.api import openapi


def check(method: str, path: str, status: int, body: Any) -> None:
    """AssertionError where the document does not know the address or the status, or tells another shape."""
    operation = _operation(method, "/api/v2/" + path.partition("?")[0].removesuffix(".json"))
    answers = operation["responses"]
    assert str(status) in answers, f"{method} {path} answered {status}: {body}"
    if content := answers[str(status)].get("content"):
        schema = content["application/json"]["schema"] | {"components": openapi.document()["components"]}
        jsonschema_rs.validate(schema, body)
    else:
        assert body is None


def _operation(method: str, path: str) -> dict[str, Any]:
    """Words before placeholders: `users/me` is not `users/{user_id}`."""
    for template, methods in openapi.document()["paths"].items():
        pattern = re.sub(r"\{\w+\}", r"[^/]+", template)
        if method.lower() in methods and re.fullmatch(pattern, path):
            return methods[method.lower()]
    raise AssertionError(f"{method} {path} is not described")
