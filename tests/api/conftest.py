from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from tests.world import World, make_world

from answerback.people import tokens

Call = Callable[..., Any]


@pytest.fixture
def world(db: None) -> World:
    return make_world()


@pytest.fixture
def call(client: Client, world: World) -> Call:
    """`call("GET", "tickets/1")` as Ada: the status and the JSON body."""
    credentials = b64encode(f"ada@acme.test/token:{tokens.issue(world.ada, 'tests')}".encode()).decode()

    def send(method: str, path: str, body: Any = None, **query: str) -> tuple[int, Any]:
        answer = client.generic(
            method,
            f"/api/v2/{path}",
            json.dumps(body) if body is not None else "",
            content_type="application/json",
            headers={"Authorization": f"Basic {credentials}"},
            query_params=query,
        )
        return answer.status_code, answer.json()

    return send
