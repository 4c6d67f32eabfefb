"""How many requests a token may make in a minute.

Policy: counted in the memory of each web process, in whole minutes: nothing is written for a request that only reads.
It keeps a program that runs wild from taking the desk's threads; it is no account to be settled exactly.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from answerback.core import clock

MINUTE = 60
_NOTED = "api_allowance"


@dataclass(frozen=True)
class Allowance:
    """What is left of this minute. Negative: this request is one too many."""

    limit: int
    left: int
    resets_in: int  # seconds


class Counter:
    """Requests of each caller in the minute under way."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._minute = 0
        self._counts: dict[str, int] = {}

    def count(self, who: str, limit: int) -> Allowance:
        now = int(clock.now().timestamp())
        with self._lock:
            if self._minute != now // MINUTE:
                self._minute, self._counts = now // MINUTE, {}
            self._counts[who] = used = self._counts.get(who, 0) + 1
        return Allowance(limit, limit - used, MINUTE - now % MINUTE)


COUNTER = Counter()


class TooManyRequestsError(Exception):
    """The token has had its minute's share."""


def count(request: HttpRequest, who: str) -> None:
    """Count the request and note for its answer what is left. TooManyRequestsError."""
    allowance = COUNTER.count(who, settings.API_REQUESTS_PER_MINUTE)
    setattr(request, _NOTED, allowance)
    if allowance.left < 0:
        raise TooManyRequestsError


class RateLimitMiddleware:
    """Every answer of the API says what is left, in the headers Zendesk's clients read."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        allowance: Allowance | None = getattr(request, _NOTED, None)
        if allowance:
            left, limit = str(max(allowance.left, 0)), str(allowance.limit)
            for name in ("X-Rate-Limit", "RateLimit-Limit"):
                response.headers[name] = limit
            for name in ("X-Rate-Limit-Remaining", "RateLimit-Remaining"):
                response.headers[name] = left
            response.headers["RateLimit-Reset"] = str(allowance.resets_in)
            if allowance.left < 0:
                response.headers["Retry-After"] = str(allowance.resets_in)
        return response
