"""Calls of providers as their documentation shows them, signed as they sign: what tests of events post.

`posted("postmark", [told("postmark", "bounced", Mail(…))])` gives the body and the headers of one call.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

from mailroom.bounces.json_text import string_of

TOPIC = "arn:aws:sns:eu-central-1:123456789012:answerback"
CERTIFICATE_URL = "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem"
PASSWORD = "answerback:a-password-that-is-long"
MAILGUN_KEY = "0123456789abcdef0123456789abcdef"
SVIX_KEY = b"twenty-four octets, so it"

_ec_key = ec.generate_private_key(ec.SECP256R1())
_rsa_key = rsa.generate_private_key(65537, 2048)
SENDGRID_KEY = base64.b64encode(
    _ec_key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
).decode()

SECRETS = {
    "brevo": PASSWORD,
    "mailgun": MAILGUN_KEY,
    "mailjet": PASSWORD,
    "postmark": PASSWORD,
    "resend": f"whsec_{base64.b64encode(SVIX_KEY).decode()}",
    "sendgrid": SENDGRID_KEY,
    "ses": TOPIC,
    "sparkpost": PASSWORD,
}
PROVIDERS = tuple(SECRETS)
UNKNOWN_USER = "550 5.1.1 <clara@customer.test>: Recipient address rejected: User unknown"
BUSY = "451 4.3.2 Please try again later"
TAKEN = "250 2.0.0 OK 1764154800"


@dataclass(frozen=True)
class Mail:
    """The mail that an event is about. `token` and `message_id` may be empty: the provider does not know them."""

    recipient: str = "clara@customer.test"
    token: str = ""
    message_id: str = ""
    queue_id: str = "0100019a-5f3c-4c7e-9a43-d1f2a6c1b0aa"


def make_certificate(valid_for: timedelta = timedelta(days=300)) -> bytes:
    """Amazon's, in PEM."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, _rsa_key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=900)).not_valid_after(now + valid_for)
    return builder.sign(_rsa_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


# What each says of one mail. A word that a provider has no event for is left out.


def told(provider: str, what: str, mail: Mail, words: str = "", at: datetime | None = None) -> dict[str, Any]:
    """One event: bounced, deferred, delivered, complained, unsubscribed, opened. KeyError where there is none."""
    at = at or datetime.now(UTC)
    words = words or {"bounced": UNKNOWN_USER, "deferred": BUSY, "delivered": TAKEN}.get(what, "")
    return _EVENTS[provider](what, mail, words, at)


def _ses(what: str, mail: Mail, words: str, at: datetime) -> dict[str, Any]:
    said: dict[str, tuple[str, str, dict[str, Any]]] = {
        "bounced": (
            "Bounce",
            "bounce",
            {
                "bounceType": "Permanent",
                "bounceSubType": "General",
                "bouncedRecipients": [
                    {
                        "emailAddress": mail.recipient,
                        "action": "failed",
                        "status": "5.1.1",
                        "diagnosticCode": f"smtp; {words}",
                    }
                ],
                "reportingMTA": "dsn; b224-13.smtp-out.eu-central-1.amazonses.com",
                "timestamp": at.isoformat(),
            },
        ),
        "deferred": (
            "DeliveryDelay",
            "deliveryDelay",
            {
                "delayType": "TransientCommunicationFailure",
                "delayedRecipients": [
                    {"emailAddress": mail.recipient, "status": "4.3.2", "diagnosticCode": f"smtp; {words}"}
                ],
            },
        ),
        "delivered": ("Delivery", "delivery", {"recipients": [mail.recipient], "smtpResponse": words}),
        "complained": (
            "Complaint",
            "complaint",
            {"complainedRecipients": [{"emailAddress": mail.recipient}], "complaintFeedbackType": "abuse"},
        ),
        "opened": ("Open", "open", {"ipAddress": "192.0.2.1", "timestamp": at.isoformat(), "userAgent": "Mozilla"}),
    }
    kind, part, details = said[what]
    headers = [{"name": "From", "value": "Acme Support <support@acme.test>"}]
    headers += [{"name": "X-Answerback-Delivery", "value": mail.token}] if mail.token else []
    about = {
        "timestamp": at.isoformat(),
        "messageId": mail.queue_id,
        "source": "support@acme.test",
        "destination": [mail.recipient],
        "headersTruncated": False,
        "headers": headers,
        "commonHeaders": {"from": ["support@acme.test"], "to": [mail.recipient], "messageId": mail.message_id},
    }
    return {"eventType": kind, part: details, "mail": about}


def _sendgrid(what: str, mail: Mail, words: str, at: datetime) -> dict[str, Any]:
    said: dict[str, dict[str, Any]] = {
        "bounced": {"event": "bounce", "type": "bounce", "status": "5.1.1", "reason": words},
        "deferred": {"event": "deferred", "attempt": "1", "response": words},
        "delivered": {"event": "delivered", "response": words},
        "complained": {"event": "spamreport"},
        "unsubscribed": {"event": "unsubscribe"},
        "opened": {"event": "open", "useragent": "Mozilla", "ip": "192.0.2.1"},
    }
    kept = {"answerback": mail.token} if mail.token else {}
    return {
        "email": mail.recipient,
        "timestamp": int(at.timestamp()),
        "smtp-id": mail.message_id or "<14c5d75ce93.dfd.64b469@ismtpd-555>",
        "sg_event_id": secrets.token_urlsafe(16),
        "sg_message_id": f"{mail.queue_id}.filter0001.16648.5515E0B88.0",
        **said[what],
        **kept,
    }


def _mailgun(what: str, mail: Mail, words: str, at: datetime) -> dict[str, Any]:
    code = int(words[:3]) if words[:3].isdigit() else 0
    status = {"code": code, "message": words[4:], "mx-host": "mx.customer.test", "attempt-no": 1}
    said: dict[str, dict[str, Any]] = {
        "bounced": {"event": "failed", "severity": "permanent", "reason": "bounce", "delivery-status": status},
        "deferred": {"event": "failed", "severity": "temporary", "reason": "generic", "delivery-status": status},
        "delivered": {"event": "delivered", "delivery-status": status},
        "complained": {"event": "complained"},
        "unsubscribed": {"event": "unsubscribed"},
        "opened": {"event": "opened", "ip": "192.0.2.1"},
    }
    return {
        "id": secrets.token_urlsafe(16),
        "timestamp": at.timestamp(),
        "recipient": mail.recipient,
        "message": {
            "headers": {"to": mail.recipient, "message-id": mail.message_id.strip("<>"), "from": "support@acme.test"}
        },
        "user-variables": {"answerback": mail.token} if mail.token else {},
        **said[what],
    }


def _postmark(what: str, mail: Mail, words: str, at: datetime) -> dict[str, Any]:
    bounce = {"RecordType": "Bounce", "ID": 692560173, "Email": mail.recipient, "Details": f"smtp;{words}"}
    said: dict[str, dict[str, Any]] = {
        "bounced": bounce | {"Type": "HardBounce", "TypeCode": 1, "Inactive": True},
        "deferred": bounce | {"Type": "Transient", "TypeCode": 2, "Inactive": False},
        "delivered": {"RecordType": "Delivery", "Recipient": mail.recipient, "Details": words},
        "complained": {"RecordType": "SpamComplaint", "Type": "SpamComplaint", "Email": mail.recipient},
        "opened": {"RecordType": "Open", "Recipient": mail.recipient, "FirstOpen": True},
    }
    return {
        "MessageID": mail.queue_id,
        "MessageStream": "outbound",
        "ServerID": 23,
        "Metadata": {"answerback": mail.token} if mail.token else {},
        "BouncedAt": at.isoformat(),
        **said[what],
    }


def _brevo(what: str, mail: Mail, words: str, at: datetime) -> dict[str, Any]:
    event = {
        "bounced": "hard_bounce",
        "deferred": "deferred",
        "delivered": "delivered",
        "complained": "spam",
        "unsubscribed": "unsubscribe",
        "opened": "opened",
    }[what]
    kept = {"X-Mailin-custom": json.dumps({"answerback": mail.token})} if mail.token else {}
    return {
        "event": event,
        "email": mail.recipient,
        "id": 26224,
        "message-id": mail.message_id or "<201798300811.5787683@relay.domain.test>",
        "ts_epoch": int(at.timestamp() * 1000),
        "reason": words,
        **kept,
    }


def _mailjet(what: str, mail: Mail, words: str, at: datetime) -> dict[str, Any]:
    error = {"error_related_to": "recipient", "error": "user unknown", "comment": words}
    said: dict[str, dict[str, Any]] = {
        "bounced": {"event": "bounce", "blocked": False, "hard_bounce": True, **error},
        "deferred": {"event": "bounce", "blocked": False, "hard_bounce": False, **error, "error": "greylisted"},
        "delivered": {"event": "sent", "smtp_reply": f"sent ({words})"},
        "complained": {"event": "spam", "source": "JMRPP"},
        "unsubscribed": {"event": "unsub"},
        "opened": {"event": "open", "ip": "192.0.2.1"},
    }
    return {
        "time": int(at.timestamp()),
        "MessageID": 19421777835146490,
        "Message_GUID": mail.queue_id,
        "email": mail.recipient,
        "CustomID": "",
        "Payload": json.dumps({"answerback": mail.token}) if mail.token else "",
        **said[what],
    }


def _sparkpost(what: str, mail: Mail, words: str, at: datetime) -> dict[str, Any]:
    said: dict[str, tuple[str, dict[str, Any]]] = {
        "bounced": (
            "message_event",
            {"type": "bounce", "bounce_class": "10", "error_code": "550", "raw_reason": words},
        ),
        "deferred": (
            "message_event",
            {"type": "delay", "bounce_class": "70", "error_code": "451", "raw_reason": words},
        ),
        "delivered": ("message_event", {"type": "delivery", "raw_reason": words}),
        "complained": ("message_event", {"type": "spam_complaint", "fbtype": "abuse"}),
        "unsubscribed": ("unsubscribe_event", {"type": "list_unsubscribe"}),
        "opened": ("track_event", {"type": "open", "ip_address": "192.0.2.1"}),
    }
    group, details = said[what]
    about = {
        "event_id": str(secrets.randbits(60)),
        "message_id": "000443ee14578172be22",
        "transmission_id": mail.queue_id,
        "raw_rcpt_to": mail.recipient,
        "rcpt_to": mail.recipient.lower(),
        "rcpt_meta": {"answerback": mail.token} if mail.token else {},
        "timestamp": str(int(at.timestamp())),
    }
    return {"msys": {group: about | details}}


def _resend(what: str, mail: Mail, words: str, at: datetime) -> dict[str, Any]:
    kind = {
        "bounced": "bounced",
        "deferred": "delivery_delayed",
        "delivered": "delivered",
        "complained": "complained",
        "opened": "opened",
    }[what]
    headers = [{"name": "X-Answerback-Delivery", "value": mail.token}] if mail.token else []
    data: dict[str, Any] = {
        "created_at": at.isoformat(),
        "email_id": mail.queue_id,
        "from": "Acme Support <support@acme.test>",
        "to": [mail.recipient],
        "subject": "Re: Printer on fire",
        "headers": headers,
    }
    if what == "bounced":
        data["bounce"] = {"message": words, "type": "Permanent", "subType": "General"}
    return {"type": f"email.{kind}", "created_at": at.isoformat(), "data": data}


_EVENTS: Mapping[str, Callable[[str, Mail, str, datetime], dict[str, Any]]] = {
    "brevo": _brevo,
    "mailgun": _mailgun,
    "mailjet": _mailjet,
    "postmark": _postmark,
    "resend": _resend,
    "sendgrid": _sendgrid,
    "ses": _ses,
    "sparkpost": _sparkpost,
}


# The call that carries them


def body_of(provider: str, events: Sequence[Mapping[str, Any]], at: datetime | None = None) -> bytes:
    """All of them where the provider gathers, else the only one, in what it wraps around it."""
    at = at or datetime.now(UTC)
    if provider in ("mailjet", "sendgrid", "sparkpost"):
        return json.dumps(list(events)).encode()
    [event] = events
    if provider == "mailgun":
        return json.dumps({"signature": _mailgun_signature(at), "event-data": event}).encode()
    if provider == "ses":
        return json.dumps(sns("Notification", at, Message=json.dumps(event))).encode()
    return json.dumps(event).encode()


def posted(
    provider: str, events: Sequence[Mapping[str, Any]], at: datetime | None = None
) -> tuple[bytes, dict[str, str]]:
    """Body and headers of a call, signed at `at`."""
    at = at or datetime.now(UTC)
    body = body_of(provider, events, at)
    return body, signed(provider, body, at)


def signed(provider: str, body: bytes, at: datetime | None = None) -> dict[str, str]:
    """The headers that prove the body; for Amazon and Mailgun the body does."""
    unix = str(int((at or datetime.now(UTC)).timestamp()))
    if provider == "sendgrid":
        signature = _ec_key.sign(unix.encode() + body, ec.ECDSA(hashes.SHA256()))
        name = "X-Twilio-Email-Event-Webhook"
        return {f"{name}-Signature": base64.b64encode(signature).decode(), f"{name}-Timestamp": unix}
    if provider == "resend":
        digest = hmac.new(SVIX_KEY, f"msg_1.{unix}.".encode() + body, hashlib.sha256).digest()
        signature_ = f"v1,{base64.b64encode(digest).decode()}"
        return {"svix-id": "msg_1", "svix-timestamp": unix, "svix-signature": f"v1a,ignored {signature_}"}
    if provider in ("mailgun", "ses"):
        return {}
    return {"Authorization": f"Basic {base64.b64encode(PASSWORD.encode()).decode()}"}


def _mailgun_signature(at: datetime) -> dict[str, str]:
    unix, token = str(int(at.timestamp())), secrets.token_hex(25)
    return {
        "timestamp": unix,
        "token": token,
        "signature": hmac.new(MAILGUN_KEY.encode(), f"{unix}{token}".encode(), hashlib.sha256).hexdigest(),
    }


def sns(kind: str, at: datetime | None = None, version: str = "2", **fields: str) -> dict[str, str]:
    """A message of Amazon SNS, signed; `fields` beside or instead of the usual ones."""
    content = {
        "Type": kind,
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": TOPIC,
        "Timestamp": (at or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "SignatureVersion": version,
        "SigningCertURL": CERTIFICATE_URL,
        **fields,
    }
    names = ["Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    text = "".join(f"{name}\n{string_of(content, name)}\n" for name in names if name in content)
    algorithm = hashes.SHA256() if version == "2" else hashes.SHA1()
    content["Signature"] = base64.b64encode(_rsa_key.sign(text.encode(), padding.PKCS1v15(), algorithm)).decode()
    return content
