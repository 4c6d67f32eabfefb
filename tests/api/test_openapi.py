"""The OpenAPI document tells of every route, and of no other; it is served, and can be read."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from ninja import Schema

from answerback.api import openapi
from answerback.cli.checkout import ROOT


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


def test_shapes_have_names_of_their_own() -> None:
    """Of two with one name the document would tell only the later."""
    shapes: list[type[Schema]] = []
    found = list(Schema.__subclasses__())
    while found:
        shapes.append(shape := found.pop())
        found += shape.__subclasses__()
    names = Counter(shape.__name__ for shape in shapes if shape.__module__.startswith("answerback.api"))
    assert not [name for name, number in names.items() if number > 1]


def bodies() -> Iterator[tuple[str, dict[str, Any], Any]]:
    """Operation, schema and example of each body that is JSON."""
    for operation in openapi.operations(openapi.document()):
        if sent := operation.get("requestBody", {}).get("content", {}).get("application/json"):
            yield operation["operationId"], sent["schema"], sent["example"]


def test_examples_are_what_they_are_examples_of() -> None:
    for name, schema, example in bodies():
        assert not faults(schema, example), name


def test_examples_of_the_guide_can_be_sent() -> None:
    """Bodies in docs/api.md, known by the key that they begin with."""
    blocks = re.findall(r"```json\n(.*?)```", (ROOT / "docs/api.md").read_text("utf-8"), re.DOTALL)
    schemas: dict[str, list[dict[str, Any]]] = {}
    for _, schema, example in bodies():
        schemas.setdefault(first_key(example), []).append(schema)
    sent = [block for block in map(json.loads, blocks) if first_key(block) in schemas]
    assert len(sent) >= 5
    for block in sent:
        assert any(not faults(schema, block) for schema in schemas[first_key(block)]), block


def faults(schema: dict[str, Any], example: Any) -> list[str]:
    """Why it could not be sent, or which field nobody would read."""
    validator = jsonschema_rs.validator_for(schema | {"components": openapi.document()["components"]})
    unknown = set(first(example)) - set(properties(schema, first_key(example)))
    return [error.message for error in validator.iter_errors(example)] + sorted(unknown)


def first_key(example: dict[str, Any]) -> str:
    return next(iter(example))


def first(example: dict[str, Any]) -> dict[str, Any]:
    """What stands in the envelope; where there is none, the body itself."""
    inner = example[first_key(example)]
    return inner if isinstance(inner, dict) else example


def properties(schema: dict[str, Any], key: str) -> dict[str, Any]:
    shapes = openapi.document()["components"]["schemas"]
    body = shapes[schema["$ref"].rpartition("/")[2]]["properties"]
    inner = body.get(key, {})
    refs = [option["$ref"] for option in [inner, *inner.get("anyOf", [])] if "$ref" in option]
    return shapes[refs[0].rpartition("/")[2]]["properties"] if refs else body


def test_served_to_everybody(client: Client) -> None:
    answer = client.get("/api/v2/openapi.json")
    assert answer.json()["openapi"].startswith("3.1")
    assert answer.json()["paths"].keys() >= {"/api/v2/tickets", "/api/v2/users/{user_id}/identities"}


def test_readable(client: Client, db: None) -> None:
    page = client.get("/api/docs").content.decode()
    assert "/api/v2/users/{user_id}/identities" in page
    assert "<script src=" in page
    assert "The same as an OpenAPI document" in page
