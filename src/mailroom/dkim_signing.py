"""DKIM signatures (RFC 6376; Ed25519: RFC 8463): keys, their DNS records, and the field that signs one message.

The policy, in prose:

* Header fields are canonicalised "relaxed", the body "simple": `compose` writes 7-bit lines without blanks at their
  ends, so a relay has nothing to tidy up, and the body costs one hash however large it is.
* Every field that names people, subject, thread or structure is signed, and named once more than it is there, so that
  none can be added on the way (RFC 6376 §8.15).
* Nothing is random and the time is the caller's: a retry carries the same octets.
* Each key makes a field of its own. Receivers that do not know Ed25519 yet read the RSA one.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from itertools import chain

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

from mailroom.compose import Composed, header_fields

SIGNED = (
    "from",
    "reply-to",
    "to",
    "cc",
    "subject",
    "date",
    "message-id",
    "in-reply-to",
    "references",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
)
_RSA_BITS = 2048  # RFC 8301 §3.2; longer keys do not fit into one DNS answer everywhere
_TXT_STRING = 255  # octets of one string of a TXT record (RFC 1035 §3.3.14)
_BLANKS = re.compile(rb"[ \t]+")


class Algorithm(StrEnum):
    """As the tag `a=` writes it."""

    RSA = "rsa-sha256"
    ED25519 = "ed25519-sha256"


@dataclass(frozen=True, slots=True)
class Key:
    """A private key, and where its public half stands: `selector._domainkey.domain`."""

    domain: str
    selector: str
    private: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey

    @property
    def algorithm(self) -> Algorithm:
        return Algorithm.RSA if isinstance(self.private, rsa.RSAPrivateKey) else Algorithm.ED25519

    @property
    def record_name(self) -> str:
        return f"{self.selector}._domainkey.{self.domain}"

    @property
    def record(self) -> str:
        """The TXT record's text (RFC 6376 §3.6.1): an Ed25519 key is bare octets there, an RSA key a structure."""
        if isinstance(self.private, rsa.RSAPrivateKey):
            public = self.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            return f"v=DKIM1; k=rsa; p={base64.b64encode(public).decode()}"
        public = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return f"v=DKIM1; k=ed25519; p={base64.b64encode(public).decode()}"

    def zone_line(self) -> str:
        """The record as a line of a zone file, in strings short enough for one."""
        text = self.record
        pieces = [text[start : start + _TXT_STRING] for start in range(0, len(text), _TXT_STRING)]
        return f"{self.record_name}. IN TXT " + " ".join(f'"{piece}"' for piece in pieces)


def make_private_key(algorithm: Algorithm) -> bytes:
    """A new private key as PKCS #8 in DER, for `read_key`."""
    private: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
    if algorithm is Algorithm.RSA:
        private = rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS)
    else:
        private = ed25519.Ed25519PrivateKey.generate()
    return private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def read_key(domain: str, selector: str, private: bytes) -> Key:
    """The key of a stored private half. ValueError where the octets are none, or of a kind DKIM does not know."""
    key = load_der_private_key(private, password=None)
    if not isinstance(key, rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey):
        raise ValueError(f"no key for DKIM: {type(key).__name__}")
    return Key(domain, selector, key)


def body_hash(body: bytes) -> str:
    """The tag `bh=`: SHA-256 of the body with one line end at its end (RFC 6376 §3.4.3). The same for every copy."""
    return base64.b64encode(hashlib.sha256(body.rstrip(b"\r\n") + b"\r\n").digest()).decode()


def sign(copy: Composed, keys: Sequence[Key], at: datetime, hashed_body: str) -> Composed:
    """The copy with one `DKIM-Signature` per key in front. `hashed_body` is `body_hash` of its body."""
    chosen, names = _chosen(header_fields(copy.header))
    said, listed = b"".join(map(_relaxed, chosen)), _folded(names, ":")
    signatures = [_signature(said, listed, key, at, hashed_body) for key in keys]
    return Composed(b"".join((*signatures, copy.header)), copy.body, copy.smtputf8)


def _signature(fields: bytes, listed: str, key: Key, at: datetime, hashed_body: str) -> bytes:
    """The field of one key: for canonicalised `fields`, and their names as `h=` lists them."""
    unsigned = (
        f"DKIM-Signature: v=1; a={key.algorithm}; c=relaxed/simple; d={key.domain};\r\n"
        f" s={key.selector}; t={int(at.timestamp())};\r\n"
        f" h={listed};\r\n"
        f" bh={hashed_body};\r\n"
        f" b="
    ).encode()
    said = fields + _relaxed(unsigned).removesuffix(b"\r\n")
    if isinstance(key.private, rsa.RSAPrivateKey):
        signature = key.private.sign(said, padding.PKCS1v15(), hashes.SHA256())
    else:
        signature = key.private.sign(hashlib.sha256(said).digest())  # RFC 8463 §3: the hash is what is signed
    return unsigned + "\r\n ".join(_pieces(base64.b64encode(signature).decode(), 72)).encode() + b"\r\n"


def _chosen(fields: Sequence[bytes]) -> tuple[list[bytes], tuple[str, ...]]:
    """The fields to sign and the names for `h=`. Of several, the last counts first (RFC 6376 §5.4.2)."""
    there: dict[str, list[bytes]] = {name: [] for name in SIGNED}
    for field in fields:
        if (name := _name_of(field)) in there:
            there[name].append(field)
    chosen = [field for found in there.values() for field in reversed(found)]
    return chosen, tuple(chain.from_iterable([name] * (len(found) + 1) for name, found in there.items()))


def _relaxed(field: bytes) -> bytes:
    """RFC 6376 §3.4.2: small name, unfolded, runs of blanks as one, none around the colon or at the end."""
    name, _, value = field.partition(b":")
    unfolded = value.replace(b"\r\n", b"")
    if b"\t" in unfolded or b"  " in unfolded:
        unfolded = _BLANKS.sub(b" ", unfolded)
    return name.strip(b" \t").lower() + b":" + unfolded.strip(b" ") + b"\r\n"


def _name_of(field: bytes) -> str:
    return field.partition(b":")[0].strip(b" \t").decode("ascii", "replace").lower()


@lru_cache(maxsize=64)
def _folded(words: tuple[str, ...], separator: str) -> str:
    """Words with a separator after each but the last, in lines short enough for a header field."""
    lines = [""]
    for number, word in enumerate(words):
        piece = word + (separator if number < len(words) - 1 else "")
        if len(lines[-1]) + len(piece) > 72:
            lines.append("")
        lines[-1] += piece
    return "\r\n  ".join(lines)


def _pieces(text: str, length: int) -> list[str]:
    return [text[start : start + length] for start in range(0, len(text), length)]
