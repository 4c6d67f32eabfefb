"""The OpenAPI document tells of every route, and of no other; it is served, and can be read."""

from __future__ import annotations

import re
from collections.abc import Iterator

from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from answerback.api import openapi


def routes(resolver: URLResolver | None = None, prefix: str = "") -> Iterator[str]:
    for entry in (resolver or get_resolver()).url_patterns:
        path = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from routes(entry, path)
        elif isinstance(entry, URLPattern) and path.startswith("api/v2/"):
            yield "/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", path)


def test_every_route_is_described_and_no_other() -> None:
    unlisted = {"/api/v2/openapi", "/api/v2/", "/api/v2/{rest}"}
    assert set(routes()) - unlisted == set(openapi.document()["paths"])


def test_every_operation_says_what_it_does_and_answers() -> None:
    found = openapi.operations(openapi.document())
    assert len({operation["operationId"] for operation in found}) == len(found)
    for operation in found:
        name = operation["operationId"]
        assert operation["summary"], name
        good = [answer for status, answer in operation["responses"].items() if status.startswith("2")]
        assert good, name
        assert all("schema" in answer["content"]["application/json"] for answer in good if "content" in answer), name
        if "application/json" in operation.get("requestBody", {}).get("content", {}):
            assert operation["requestBody"]["content"]["application/json"].get("example"), name


def test_an_unknown_address_is_told_in_json(client: Client) -> None:
    answer = client.post("/api/v2/nothing/here.json", {}, "application/json")
    assert (answer.status_code, answer.json()["error"]) == (404, "InvalidEndpoint")


def test_served_to_everybody(client: Client) -> None:
    answer = client.get("/api/v2/openapi.json")
    assert answer.json()["openapi"].startswith("3.1")
    assert answer.json()["paths"].keys() >= {"/api/v2/tickets", "/api/v2/users/{user_id}/identities"}


def test_readable(client: Client, db: None) -> None:
    page = client.get("/api/docs").content.decode()
    assert "/api/v2/users/{user_id}/identities" in page
    assert "<script src=" in page
    assert "The same as an OpenAPI document" in page
