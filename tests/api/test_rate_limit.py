"""Requests in a minute: how many are left, and what comes then."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.test import Client
from tests.world import World

from answerback.core import clock
from answerback.people import tokens


def test_one_too_many(client: Client, world: World, settings: Any) -> None:
    settings.API_REQUESTS_PER_MINUTE = 2
    ada, bruno = ({"Authorization": f"Bearer {tokens.issue(account, 'many')}"} for account in (world.ada, world.bruno))
    moment = (clock.now() + timedelta(days=1)).replace(second=20)
    with clock.at(moment):
        answers = [client.get("/api/v2/users/me", headers=ada) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert [answer.headers["X-Rate-Limit-Remaining"] for answer in answers] == ["1", "0", "0"]
        assert answers[2].headers["Retry-After"] == "40"
        assert answers[2].json()["error"] == "APIRateLimitExceeded"
        assert client.get("/api/v2/users/me", headers=bruno).status_code == 200
    with clock.at(moment + timedelta(seconds=40)):
        assert client.get("/api/v2/users/me", headers=ada).status_code == 200


def test_pages_are_not_counted(client: Client, world: World) -> None:
    assert "X-Rate-Limit" not in client.get("/sign-in").headers
