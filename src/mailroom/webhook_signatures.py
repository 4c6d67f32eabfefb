"""Did the provider make this call? What each of them signs, and how.

Policy: a call is believed by its signature where the provider signs (Amazon SNS, Mailgun, Resend, SendGrid), else by
user and password in the address that the provider calls (HTTP Basic): Brevo, Mailjet, Postmark, SparkPost. Comparing
takes the same time whatever is wrong. A signed time that is too long ago refuses the call: somebody plays an old one
again. "Too long" is more than any provider goes on repeating a call that failed, so that nothing true is lost while we
are away; Resend signs each repetition anew. The same call again within that time is up to the caller to know.

Amazon signs with a key whose certificate is fetched from an address that stands in the call: only from Amazon's own
hosts, and only for a topic that the admin has named, for anybody may make a topic and have Amazon sign for it.

Pure: the time is passed in, and so is the way to fetch a certificate. Several secrets may hold, so that they can be
changed without a gap.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from mailroom.bounces.json_text import object_of, string_of

MAX_AGE: Final = timedelta(hours=25)
MAX_AGE_RESEND: Final = timedelta(minutes=5)
AHEAD: Final = timedelta(minutes=5)  # how far another clock may be ahead of ours
LEAST_PASSWORD: Final = 16

_TOPIC: Final = re.compile(r"arn:aws(?:-[a-z-]+)?:sns:(?P<region>[a-z0-9-]{3,30}):\d{12}:[A-Za-z0-9_.-]{1,256}")
_SNS_ADDRESS: Final = re.compile(r"https://sns\.(?P<region>[a-z0-9-]{3,30})\.amazonaws\.com(?:\.cn)?/[\w./-]{0,200}\Z")
_SNS_CONFIRMS: Final = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
_SNS_SIGNED: Final[Mapping[str, tuple[str, ...]]] = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": _SNS_CONFIRMS,
    "UnsubscribeConfirmation": _SNS_CONFIRMS,
}
_SNS_HASHES: Final[Mapping[str, hashes.HashAlgorithm]] = {"1": hashes.SHA1(), "2": hashes.SHA256()}  # noqa: S303


class Refusal(StrEnum):
    """Why a call is not believed."""

    UNSIGNED = "unsigned"  # no signature, no password
    BAD_SIGNATURE = "bad_signature"
    WRONG_TOPIC = "wrong_topic"  # signed by Amazon, for somebody else
    REPLAYED = "replayed"  # signed too long ago, or in the future


@dataclass(frozen=True, slots=True)
class Call:
    """A call as it came. Names of headers are in lower case; `content` is the body read as JSON, {} for a list."""

    body: bytes
    headers: Mapping[str, str]
    content: Mapping[str, Any] = field(default_factory=dict)
    certificate: Callable[[str], bytes] = lambda url: b""  # PEM from an address of Amazon's; OSError

    def header(self, name: str) -> str:
        return self.headers.get(name, "")


def refusal(provider: str, secrets: str, call: Call, now: datetime) -> Refusal | None:
    """None where the call is the provider's. `secrets`: those of the settings, with spaces between."""
    return _CHECKS[provider](call, secrets.split(), now)


def problem(provider: str, secrets: str) -> str:
    """What is wrong with the secrets of a provider as an admin has set them; "" where nothing is."""
    return next((found for secret in secrets.split() if (found := _PROBLEMS[provider](secret))), "")


def calls_with_password(provider: str) -> bool:
    """Or it signs."""
    return _CHECKS[provider] is _password


# User and password


def _password(call: Call, secrets: list[str], now: datetime) -> Refusal | None:
    scheme, _, told = call.header("authorization").partition(" ")
    if scheme.lower() != "basic" or not told:
        return Refusal.UNSIGNED
    given = _unbased(told)
    return None if any(hmac.compare_digest(given, one.encode()) for one in secrets) else Refusal.BAD_SIGNATURE


def _problem_of_password(secret: str) -> str:
    _user, colon, password = secret.partition(":")
    if not colon or len(password) < LEAST_PASSWORD:
        return f"is not user:password with at least {LEAST_PASSWORD} characters of password"
    return ""


# Mailgun: HMAC over time and token, inside the JSON


def _mailgun(call: Call, secrets: list[str], now: datetime) -> Refusal | None:
    block = object_of(call.content, "signature")
    at, token, signature = (string_of(block, name) for name in ("timestamp", "token", "signature"))
    if not signature:
        return Refusal.UNSIGNED
    digests = [hmac.new(one.encode(), f"{at}{token}".encode(), hashlib.sha256).hexdigest() for one in secrets]
    if not any(hmac.compare_digest(signature.lower().encode(), one.encode()) for one in digests):
        return Refusal.BAD_SIGNATURE
    return _too_old(_unix(at), now, MAX_AGE)


def _problem_of_key(secret: str) -> str:
    return "is too short for a signing key" if len(secret) < LEAST_PASSWORD else ""


# Resend: the scheme of Svix, HMAC over id, time and body


def _resend(call: Call, secrets: list[str], now: datetime) -> Refusal | None:
    name, at, signatures = (call.header(f"svix-{part}") for part in ("id", "timestamp", "signature"))
    if not signatures:
        return Refusal.UNSIGNED
    signed = f"{name}.{at}.".encode() + call.body
    digests = [hmac.new(_svix_key(one), signed, hashlib.sha256).digest() for one in secrets]
    given = [_unbased(one.removeprefix("v1,")) for one in signatures.split() if one.startswith("v1,")]
    if not any(hmac.compare_digest(one, digest) for one in given for digest in digests):
        return Refusal.BAD_SIGNATURE
    return _too_old(_unix(at), now, MAX_AGE_RESEND)


def _svix_key(secret: str) -> bytes:
    return _unbased(secret.removeprefix("whsec_"))


def _problem_of_svix(secret: str) -> str:
    return "" if secret.startswith("whsec_") and len(_svix_key(secret)) >= LEAST_PASSWORD else "does not begin whsec_"


# SendGrid: ECDSA over time and body


def _sendgrid(call: Call, secrets: list[str], now: datetime) -> Refusal | None:
    signature, at = (call.header(f"x-twilio-email-event-webhook-{part}") for part in ("signature", "timestamp"))
    if not signature:
        return Refusal.UNSIGNED
    if not any(_verifies(_sendgrid_key(one), _unbased(signature), at.encode() + call.body) for one in secrets):
        return Refusal.BAD_SIGNATURE
    return _too_old(_unix(at), now, MAX_AGE)


def _verifies(key: ec.EllipticCurvePublicKey | None, signature: bytes, signed: bytes) -> bool:
    if key is None:
        return False
    try:
        key.verify(signature, signed, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def _sendgrid_key(secret: str) -> ec.EllipticCurvePublicKey | None:
    try:
        key = load_der_public_key(_unbased(secret))
    except ValueError:
        return None
    return key if isinstance(key, ec.EllipticCurvePublicKey) else None


def _problem_of_sendgrid(secret: str) -> str:
    return "" if _sendgrid_key(secret) else "is no verification key (it begins MFkw)"


# Amazon SES: RSA by Amazon SNS over fields of the JSON


def _ses(call: Call, secrets: list[str], now: datetime) -> Refusal | None:
    content = call.content
    signature, signed = string_of(content, "Signature"), _sns_signed(content)
    if not signature or not signed:
        return Refusal.UNSIGNED
    topic, url = string_of(content, "TopicArn"), string_of(content, "SigningCertURL")
    if topic not in secrets:
        return Refusal.WRONG_TOPIC
    if not is_address_of(topic, url) or not url.endswith(".pem"):
        return Refusal.BAD_SIGNATURE
    algorithm = _SNS_HASHES.get(string_of(content, "SignatureVersion"))
    if algorithm is None or not _certifies(call.certificate(url), _unbased(signature), signed, algorithm, now):
        return Refusal.BAD_SIGNATURE
    return _too_old(_iso(string_of(content, "Timestamp")), now, MAX_AGE)


def region_of(topic: str) -> str:
    """The region in the name of a topic; "" where it is none."""
    match = _TOPIC.fullmatch(topic)
    return match["region"] if match else ""


def is_address_of(topic: str, url: str) -> bool:
    """Whether the address is that of the SNS that the topic belongs to: no user, no port, no query."""
    match = _SNS_ADDRESS.match(url)
    return match is not None and match["region"] == region_of(topic)


def _sns_signed(content: Mapping[str, Any]) -> bytes:
    """Names and values, a line each; b"" for a kind of message that nobody has told us of."""
    names = _SNS_SIGNED.get(string_of(content, "Type"), ())
    values = {name: content[name] for name in names if isinstance(content.get(name), str)}
    return "".join(f"{name}\n{value}\n" for name, value in values.items()).encode("utf-8", "replace")


def _certifies(pem: bytes, signature: bytes, signed: bytes, algorithm: hashes.HashAlgorithm, now: datetime) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        key = certificate.public_key()
        if not isinstance(key, rsa.RSAPublicKey) or not _is_valid(certificate, now):
            return False
        key.verify(signature, signed, padding.PKCS1v15(), algorithm)
    except (ValueError, InvalidSignature):
        return False
    return True


def _is_valid(certificate: x509.Certificate, now: datetime) -> bool:
    return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc


def _problem_of_topic(secret: str) -> str:
    return "" if region_of(secret) else "is not the ARN of a topic (arn:aws:sns:eu-central-1:123456789012:name)"


# What they have in common


def _too_old(at: datetime | None, now: datetime, most: timedelta) -> Refusal | None:
    return None if at and -AHEAD <= now - at <= most else Refusal.REPLAYED


def _unix(text: str) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(text), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _iso(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else None


def _unbased(text: str) -> bytes:
    """Base64 undone, b"" where it is none."""
    try:
        return base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        return b""


_CHECKS: Final[Mapping[str, Callable[[Call, list[str], datetime], Refusal | None]]] = {
    "brevo": _password,
    "mailgun": _mailgun,
    "mailjet": _password,
    "postmark": _password,
    "resend": _resend,
    "sendgrid": _sendgrid,
    "ses": _ses,
    "sparkpost": _password,
}
_PROBLEMS: Final[Mapping[str, Callable[[str], str]]] = {
    "brevo": _problem_of_password,
    "mailgun": _problem_of_key,
    "mailjet": _problem_of_password,
    "postmark": _problem_of_password,
    "resend": _problem_of_svix,
    "sendgrid": _problem_of_sendgrid,
    "ses": _problem_of_topic,
    "sparkpost": _problem_of_password,
}
