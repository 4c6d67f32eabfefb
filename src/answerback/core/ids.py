"""Names nobody can guess."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from datetime import datetime
from itertools import product

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_TEN_BITS = ["".join(pair) for pair in product(_CROCKFORD, repeat=2)]


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


def ulid(moment: datetime) -> str:
    """26 characters that sort by time (the shape of Zendesk's email_id); 80 of their bits are random."""
    number = int(moment.timestamp() * 1000) << 80 | secrets.randbits(80)
    return "".join([_TEN_BITS[(number >> shift) & 1023] for shift in range(120, -1, -10)])
