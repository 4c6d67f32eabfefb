"""Signing keys for tokens. Kept in the database with an id, so that every machine reads every token."""

from __future__ import annotations

import secrets

from answerback.core import clock, db
from answerback.core.models import SigningKey

_NEWEST = "SELECT key_id, secret FROM core_signingkey ORDER BY key_id DESC LIMIT 1"


def current_key() -> tuple[int, bytes]:
    """The newest key as (id, 32 bytes); made on first need."""
    for key_id, secret in db.constant_rows(_NEWEST):
        return key_id, bytes(secret)
    key, _ = SigningKey.objects.get_or_create(
        key_id=1, defaults={"secret": secrets.token_bytes(32), "created_at": clock.now()}
    )
    return key.key_id, bytes(key.secret)


def all_keys() -> dict[int, bytes]:
    """Every key that tokens may have been signed with."""
    current_key()
    return {key.key_id: bytes(key.secret) for key in SigningKey.objects.all()}
