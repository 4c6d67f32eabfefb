"""API tokens: random 32 bytes, shown once, kept as SHA-256 (a slow hash protects passwords, not random tokens)."""

from __future__ import annotations

import base64
import binascii
from datetime import timedelta

from answerback.core import clock, ids
from answerback.people.models import Account, ApiToken

_NOTE_USE_EVERY = timedelta(minutes=5)


def issue(account: Account, name: str) -> str:
    """A new token for `account`; the text is not kept anywhere."""
    token = ids.random_token()
    ApiToken.objects.create(
        account=account, name=name, prefix=token[:6], sha256=ids.digest(token), created_at=clock.now()
    )
    return token


def account_for(token: str) -> Account | None:
    """Whose token it is, if that account may still sign in."""
    row = (
        ApiToken.objects.select_related("account__person")
        .filter(sha256=ids.digest(token), account__is_active=True)
        .first()
    )
    if row is None:
        return None
    now = clock.now()
    if row.last_used_at is None or now - row.last_used_at > _NOTE_USE_EVERY:
        ApiToken.objects.filter(pk=row.pk).update(last_used_at=now)
    return row.account


def account_of_header(value: str) -> Account | None:
    """Whom an Authorization header names: `Bearer TOKEN`, or `Basic` with `email/token:TOKEN` as Zendesk has it."""
    scheme, _, credentials = value.partition(" ")
    match scheme.lower():
        case "bearer":
            return account_for(credentials.strip())
        case "basic":
            return _account_of_basic(credentials)
    return None


def revoke(token_id: int, account: Account) -> None:
    """Take a token back: one's own, or anybody's for an admin."""
    rows = ApiToken.objects.filter(pk=token_id)
    (rows if account.is_admin else rows.filter(account=account)).delete()


def _account_of_basic(credentials: str) -> Account | None:
    try:
        user, _, token = base64.b64decode(credentials, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    email, slash, kind = user.rpartition("/")
    if not slash or kind != "token":
        return None
    account = account_for(token)
    return account if account and account.email.lower() == email.lower() else None
