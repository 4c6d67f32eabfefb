"""Who calls: `Authorization: Basic email/token:TOKEN` as Zendesk has it, or `Bearer TOKEN`."""

from __future__ import annotations

import base64
import binascii

from django.http import HttpRequest
from ninja.security.base import AuthBase

from answerback.api.errors import ForbiddenError
from answerback.people import tokens
from answerback.people.models import Account


class TokenAuth(AuthBase):
    openapi_type = "http"
    openapi_scheme = "bearer"

    def __call__(self, request: HttpRequest) -> Account | None:
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        match scheme.lower():
            case "bearer":
                return tokens.account_for(value.strip())
            case "basic":
                return _from_basic(value)
        return None


def caller(request: HttpRequest) -> Account:
    """The account `TokenAuth` found."""
    return request.auth  # type: ignore[attr-defined]


def admin(request: HttpRequest) -> Account:
    """The caller, who must be an admin. ForbiddenError."""
    account = caller(request)
    if not account.is_admin:
        raise ForbiddenError("Only administrators may do this")
    return account


def _from_basic(value: str) -> Account | None:
    try:
        user, _, token = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    email, slash, kind = user.rpartition("/")
    if not slash or kind != "token":
        return None
    account = tokens.account_for(token)
    return account if account and account.email.lower() == email.lower() else None
