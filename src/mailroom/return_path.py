"""Signed marks that our mail carries, so that what comes back names its delivery, its reader or its ticket.

Four marks, each for one purpose:

* the return path (reverse-path of one delivery): `b-` + key id, day of issue, delivery id, MAC; good for 60 days;
* the delivery token (header `X-Answerback-Delivery`): key id, delivery id, MAC; never expires by itself;
* the reply token (`support+TOKEN@`): key id, participation id, MAC; never expires;
* the Message-ID: `<UNIQUE.TOKEN@domain>` with key id, ticket id, MAC over these and what makes it unique.

Policy: the MAC is HMAC-SHA256 cut to 128 bits, compared in constant time. The purpose goes into the MAC, so that a mark
of one kind is never taken for another. Marks are lower-case base32 without padding, because mail systems on the way
change the case of local parts; they are read in any case, but otherwise only in the one spelling that we would write.
A key is found by its id, so that secrets can be changed while old mail is still under way. Reading never raises.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache

Keys = Mapping[int, bytes]  # key id 0..255 -> secret of 32 bytes

RETURN_PATH_PREFIX = "b-"
RETURN_PATH_MAX_AGE_DAYS = 60
REPLY_TOKEN_LENGTH = 36  # a support address may have a local part of 64 - 1 - 36 = 27 characters (RFC 5321 §4.5.3.1.1)

_MAC_BYTES = 16
_DELIVERY_BYTES = 8
_SHORT_ID_BYTES = 5  # participations and tickets
_DAY_BYTES = 2
_FIRST_DAY = date(2020, 1, 1)
_NO_BINDING = b""


class _Purpose(StrEnum):
    RETURN_PATH = "answerback return path"
    DELIVERY = "answerback delivery"
    REPLY = "answerback reply"
    MESSAGE_ID = "answerback message id"


class Verdict(StrEnum):
    VALID = "valid"
    EXPIRED = "expired"  # signed by us, but too long ago
    FORGED = "forged"  # has our shape, not our signature
    NOT_OURS = "not_ours"  # something else altogether


@dataclass(frozen=True, slots=True)
class Reading:
    """What a mark says. `delivery_id` is known for VALID and EXPIRED, else None."""

    delivery_id: int | None
    verdict: Verdict


def sign_return_path(delivery_id: int, issued: date, key_id: int, secret: bytes) -> str:
    """The local part of the reverse-path of one delivery, 46 characters."""
    days = (issued - _FIRST_DAY).days
    data = days.to_bytes(_DAY_BYTES, "big") + delivery_id.to_bytes(_DELIVERY_BYTES, "big")
    return RETURN_PATH_PREFIX + _seal(_Purpose.RETURN_PATH, data, key_id, secret)


def read_return_path(local_part: str, keys: Keys, today: date, max_age_days: int = RETURN_PATH_MAX_AGE_DAYS) -> Reading:
    """Which delivery a local part stands for. A proven one that is too old is EXPIRED, with its delivery."""
    if local_part[: len(RETURN_PATH_PREFIX)].lower() != RETURN_PATH_PREFIX:
        return Reading(None, Verdict.NOT_OURS)
    token = local_part[len(RETURN_PATH_PREFIX) :]
    size = _DAY_BYTES + _DELIVERY_BYTES
    if len(token) != _token_length(size):
        return Reading(None, Verdict.NOT_OURS)
    data = _open(_Purpose.RETURN_PATH, token, size, keys)
    if data is None:
        return Reading(None, Verdict.FORGED)
    issued = _FIRST_DAY + timedelta(days=int.from_bytes(data[:_DAY_BYTES], "big"))
    verdict = Verdict.EXPIRED if (today - issued).days > max_age_days else Verdict.VALID
    return Reading(int.from_bytes(data[_DAY_BYTES:], "big"), verdict)


def sign_delivery_token(delivery_id: int, key_id: int, secret: bytes) -> str:
    """The value of `X-Answerback-Delivery`, 40 characters."""
    return _seal(_Purpose.DELIVERY, delivery_id.to_bytes(_DELIVERY_BYTES, "big"), key_id, secret)


def read_delivery_token(text: str, keys: Keys) -> Reading:
    """Which delivery a value of `X-Answerback-Delivery` stands for; spaces around it do not matter."""
    token = text.strip()
    if len(token) != _token_length(_DELIVERY_BYTES):
        return Reading(None, Verdict.NOT_OURS)
    data = _open(_Purpose.DELIVERY, token, _DELIVERY_BYTES, keys)
    if data is None:
        return Reading(None, Verdict.FORGED)
    return Reading(int.from_bytes(data, "big"), Verdict.VALID)


def sign_reply_token(participation_id: int, key_id: int, secret: bytes) -> str:
    """What stands behind the `+` of the Reply-To of one participant, REPLY_TOKEN_LENGTH characters."""
    return _seal(_Purpose.REPLY, participation_id.to_bytes(_SHORT_ID_BYTES, "big"), key_id, secret)


def read_reply_token(token: str, keys: Keys) -> int | None:
    """The participation that a reply token was made for; None where it is not one of ours."""
    data = _open(_Purpose.REPLY, token, _SHORT_ID_BYTES, keys)
    return None if data is None else int.from_bytes(data, "big")


def sign_message_id(ticket_id: int, unique: str, key_id: int, secret: bytes, domain: str) -> str:
    """The Message-ID, with angle brackets, of a ticket's message; `unique` has letters, digits and hyphens."""
    data = ticket_id.to_bytes(_SHORT_ID_BYTES, "big")
    token = _seal(_Purpose.MESSAGE_ID, data, key_id, secret, binding=_unique_binding(unique))
    return f"<{unique}.{token}@{domain}>"


def read_message_id(message_id: str, keys: Keys) -> int | None:
    """The ticket that a Message-ID of ours belongs to; None where it is not ours. Angle brackets may be missing."""
    local_part, _, domain = message_id.strip().removeprefix("<").removesuffix(">").rpartition("@")
    unique, _, token = local_part.rpartition(".")
    if not (unique and domain):
        return None
    data = _open(_Purpose.MESSAGE_ID, token, _SHORT_ID_BYTES, keys, binding=_unique_binding(unique))
    return None if data is None else int.from_bytes(data, "big")


def _unique_binding(unique: str) -> bytes:
    return unique.lower().encode("utf-8", "surrogatepass")


def _seal(purpose: _Purpose, data: bytes, key_id: int, secret: bytes, binding: bytes = _NO_BINDING) -> str:
    payload = bytes([key_id]) + data
    return _encode(payload + _mac(purpose, payload, binding, secret))


def _open(purpose: _Purpose, token: str, size: int, keys: Keys, binding: bytes = _NO_BINDING) -> bytes | None:
    """The `size` bytes that `_seal` was given, or None where token, key or MAC is wrong."""
    sealed = _decode(token)
    if sealed is None or len(sealed) != 1 + size + _MAC_BYTES:
        return None
    payload, mac = sealed[:-_MAC_BYTES], sealed[-_MAC_BYTES:]
    secret = keys.get(payload[0])
    if secret is None or not hmac.compare_digest(mac, _mac(purpose, payload, binding, secret)):
        return None
    return payload[1:]


def _mac(purpose: _Purpose, payload: bytes, binding: bytes, secret: bytes) -> bytes:
    # A purpose holds no NUL and its payload has a fixed length: no two inputs of different meaning are the same bytes.
    # `hmac.digest` would be quicker alone, but lets go of the interpreter: among threads that costs many times as much.
    mac = _keyed(secret).copy()
    mac.update(purpose.encode() + b"\0" + payload + binding)
    return mac.digest()[:_MAC_BYTES]


@lru_cache(maxsize=256)
def _keyed(secret: bytes) -> hmac.HMAC:
    return hmac.new(secret, digestmod=hashlib.sha256)


def _token_length(size: int) -> int:
    return -(-(1 + size + _MAC_BYTES) * 8 // 5)


def _encode(data: bytes) -> str:
    return base64.b32encode(data).decode("ascii").rstrip("=").lower()


def _decode(token: str) -> bytes | None:
    """The bytes of a token in either case; None unless it is exactly what `_encode` writes for them.

    Base32 leaves up to four bits of the last character unused: without the comparison another last letter would pass.
    """
    if not token.isascii():
        return None
    try:
        data = base64.b32decode(token.upper() + "=" * (-len(token) % 8))
    except (binascii.Error, ValueError):
        return None
    return data if _encode(data) == token.lower() else None
