"""Secrets at rest: sealed before they go into the database, opened where they are used.

Policy: the key is derived from `ANSWERBACK_SECRET_KEY`, so a copy of the database alone opens nothing. Keys of before
(`ANSWERBACK_OLD_SECRET_KEYS`) still open, and `migrate` seals anew what they had sealed. What no key opens is a value
like any other: whoever asks is told, and says to people that it has to be entered once more.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

_PURPOSE = b"answerback: secrets at rest"


class SealedByAnotherKeyError(Exception):
    """None of our keys opens it."""


def seal(text: str) -> str:
    return _keys().encrypt(text.encode()).decode("ascii")


def unseal(sealed: str) -> str:
    """SealedByAnotherKeyError."""
    try:
        return _keys().decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise SealedByAnotherKeyError from None


def seal_anew(sealed: str) -> str:
    """The same under today's key; unchanged where it is under it already. SealedByAnotherKeyError."""
    try:
        _fernet(settings.SECRET_KEY).decrypt(sealed.encode())
    except InvalidToken:
        return seal(unseal(sealed))
    return sealed


def _keys() -> MultiFernet:
    """Today's key, which seals, and those of before."""
    return MultiFernet([_fernet(key) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


@lru_cache(maxsize=8)
def _fernet(secret_key: str) -> Fernet:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE).derive(secret_key.encode())
    return Fernet(urlsafe_b64encode(derived))
