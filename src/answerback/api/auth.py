"""Who calls, and as what."""

from __future__ import annotations

from django.http import HttpRequest
from ninja.security.base import AuthBase

from answerback.api import rate_limit
from answerback.api.errors import ForbiddenError
from answerback.api.reading import refuse_unkeepable_query
from answerback.people import tokens
from answerback.people.models import Account


class TokenAuth(AuthBase):
    openapi_type = "http"
    openapi_scheme = "bearer"

    def __call__(self, request: HttpRequest) -> Account | None:
        account = tokens.account_of_header(request.headers.get("Authorization", ""))
        refuse_unkeepable_query(request)
        if account:
            rate_limit.count(request, str(account.pk))
        return account


def caller(request: HttpRequest) -> Account:
    """The account `TokenAuth` found."""
    return request.auth  # type: ignore[attr-defined]


def admin(request: HttpRequest) -> Account:
    """The caller, who must be an admin. ForbiddenError."""
    account = caller(request)
    if not account.is_admin:
        raise ForbiddenError("Only administrators may do this")
    return account
