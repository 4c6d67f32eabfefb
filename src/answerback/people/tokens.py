"""API tokens: random 32 bytes, shown once, kept as SHA-256 (a slow hash protects passwords, not random tokens)."""

from __future__ import annotations

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


def revoke(token_id: int, account: Account) -> None:
    """Take a token back: one's own, or anybody's for an admin."""
    rows = ApiToken.objects.filter(pk=token_id)
    (rows if account.is_admin else rows.filter(account=account)).delete()
