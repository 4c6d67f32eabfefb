"""How many requests a token may make in a minute.

Policy: `core.rate` counts, in each web process: nothing is written for a request that only reads. It keeps a program
that runs wild from taking the desk's threads.
"""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from answerback.core import rate
from answerback.core.rate import Allowance

MINUTE = 60
COUNTER = rate.Counter(MINUTE)
_NOTED = "api_allowance"


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
