from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from tests.api.described import check
from tests.world import World, make_world

from answerback.people import tokens
from answerback.people.models import Account

Call = Callable[..., Any]


@pytest.fixture
def world(db: None) -> World:
    return make_world()


@pytest.fixture
def call(client: Client, world: World) -> Call:
    """`call("GET", "tickets/1")` as Ada: the status and the JSON body. Each answer is as the OpenAPI document says."""
    return calling(client, world.ada)


@pytest.fixture
def call_as_admin(client: Client, world: World) -> Call:
    return calling(client, world.bruno)


def calling(client: Client, account: Account) -> Call:
    credentials = b64encode(f"{account.email}/token:{tokens.issue(account, 'tests')}".encode()).decode()

    def send(
        method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, **query: str
    ) -> tuple[int, Any]:
        answer = client.generic(
            method,
            f"/api/v2/{path}",
            json.dumps(body) if body is not None else "",
            content_type="application/json",
            headers={"Authorization": f"Basic {credentials}"} | (headers or {}),
            query_params=query,
        )
        shown = answer.json() if answer.content else None
        check(method, path, answer.status_code, shown)
        return answer.status_code, shown

    return send
