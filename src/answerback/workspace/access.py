"""Who may open a page. Every view carries one of these; a test walks all addresses as an outsider."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from answerback.desk import admin_changes
from answerback.people import tokens
from answerback.people.models import Account

View = Callable[..., HttpResponseBase]


def agent_required(view: View) -> View:
    """Anybody who signs in. Where a part of a page was asked for, the whole page reloads, so that its form shows."""
    guarded = login_required(view)

    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.headers.get("HX-Request") and not request.user.is_authenticated:
            return HttpResponse(status=401, headers={"HX-Refresh": "true"})
        return guarded(request, *args, **kwargs)

    return inner


def agent_or_token_required(view: View) -> View:
    """Also a program with an API token: for what the API's answers link to."""
    guarded = agent_required(view)

    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if tokens.account_of_header(request.headers.get("Authorization", "")):
            return view(request, *args, **kwargs)
        return guarded(request, *args, **kwargs)

    return inner


def admin_required(view: View) -> View:
    """Administrators; whatever they post is recorded."""
    recorded = recorded_post(view)

    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not account_of(request).is_admin:
            raise PermissionDenied
        return recorded(request, *args, **kwargs)

    return agent_required(inner)


def admin_may_look(view: View) -> View:
    """Administrators, on a page whose posts change nothing: they try something, and may take their time."""

    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not account_of(request).is_admin:
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return agent_required(inner)


def recorded_post(view: View) -> View:
    """What a POST changes in the administration stands in its record (desk.admin_changes)."""

    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method != "POST":
            return view(request, *args, **kwargs)
        with admin_changes.recording(lambda: account_of(request), admin_changes.Via.WEB):
            return view(request, *args, **kwargs)

    return inner


def supervisor_required(view: View) -> View:
    """Supervisors and administrators."""

    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        account = account_of(request)
        if not (account.is_admin or account.supervisor):
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return agent_required(inner)


def account_of(request: HttpRequest) -> Account:
    """The signed-in account. Only behind the guards above."""
    return cast(Account, request.user)
