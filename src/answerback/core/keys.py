"""Signing keys for tokens. Kept in the database with an id, so that every machine reads every token."""

from __future__ import annotations

import secrets

from answerback.core import clock
from answerback.core.models import SigningKey


def current_key() -> tuple[int, bytes]:
    """The newest key as (id, 32 bytes); made on first need."""
    key = SigningKey.objects.order_by("-key_id").first()
    if key is None:
        key, _ = SigningKey.objects.get_or_create(
            key_id=1, defaults={"secret": secrets.token_bytes(32), "created_at": clock.now()}
        )
    return key.key_id, bytes(key.secret)


def all_keys() -> dict[int, bytes]:
    """Every key that tokens may have been signed with."""
    current_key()
    return {key.key_id: bytes(key.secret) for key in SigningKey.objects.all()}
