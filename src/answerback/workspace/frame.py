"""What stands on every page of the workspace: views with counts, the health dot, the bar when sending is down."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest


def frame(request: HttpRequest) -> dict[str, Any]:
    return {}
