"""Zendesk's clients ask for `/tickets.json` as well as `/tickets`: both are the same."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

PREFIX = "/api/v2/"


class JsonSuffixMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info.startswith(PREFIX) and request.path_info.endswith(".json"):
            request.path_info = request.path_info.removesuffix(".json")
        return self.get_response(request)
