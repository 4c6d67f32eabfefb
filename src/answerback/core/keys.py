"""Signing keys for tokens. Kept in the database with an id, so that every machine reads every token."""

from __future__ import annotations

import secrets

from django.db import connection

from answerback.core import clock
from answerback.core.models import SigningKey

_NEWEST = "SELECT key_id, secret FROM core_signingkey ORDER BY key_id DESC LIMIT 1"  # asked for every mail: no ORM


def current_key() -> tuple[int, bytes]:
    """The newest key as (id, 32 bytes); made on first need."""
    with connection.cursor() as cursor:
        cursor.execute(_NEWEST)
        found = cursor.fetchone()
    if found is None:
        key, _ = SigningKey.objects.get_or_create(
            key_id=1, defaults={"secret": secrets.token_bytes(32), "created_at": clock.now()}
        )
        found = key.key_id, key.secret
    return found[0], bytes(found[1])


def all_keys() -> dict[int, bytes]:
    """Every key that tokens may have been signed with."""
    current_key()
    return {key.key_id: bytes(key.secret) for key in SigningKey.objects.all()}
