"""Pages for what went wrong: not found, not allowed, a stale form, our own fault."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form whose token is stale (signed out elsewhere, cookies gone). The browser's back key keeps the text."""
    return render(request, "errors/stale_form.html", status=403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "errors/not_found.html", status=404)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "errors/forbidden.html", status=403)


def our_fault(request: HttpRequest) -> HttpResponse:
    return render(request, "errors/our_fault.html", status=500)
