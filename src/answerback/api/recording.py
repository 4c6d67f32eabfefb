"""What programs change in the administration is recorded as what people change there (desk.admin_changes)."""

from __future__ import annotations

import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

from answerback.desk import admin_changes

_CHANGES = re.compile(r"/api/v2/(?:triggers|automations|macros|webhooks|cause_rules)(?!/try)\b")
_READS = ("GET", "HEAD", "OPTIONS")


class AdminChangesMiddleware:
    """Around the API, which finds out who calls; without a caller nothing is changed."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.method in _READS or not _CHANGES.match(request.path):
            return self._get_response(request)
        with admin_changes.recording(lambda: getattr(request, "auth", None), admin_changes.Via.API):
            return self._get_response(request)
