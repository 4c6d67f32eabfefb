"""Names nobody can guess."""

from __future__ import annotations

import hashlib
import secrets
import uuid

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def random_token(size: int = 32) -> str:
    """URL-safe text of `size` random bytes."""
    return secrets.token_urlsafe(size)


def random_name() -> str:
    """A file name for the blob store: 32 hex digits."""
    return secrets.token_hex(16)


def message_uuid() -> str:
    return uuid.uuid4().hex


def digest(token: str) -> str:
    """How a secret token is stored: SHA-256, hex. Random 32 bytes need no slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()


def ulid(milliseconds: int, entropy: int) -> str:
    """26 characters that sort by time (the shape of Zendesk's email_id). `entropy`: up to 80 bits."""
    number = (milliseconds << 80) | (entropy & ((1 << 80) - 1))
    return "".join(_CROCKFORD[(number >> shift) & 31] for shift in range(125, -1, -5))
