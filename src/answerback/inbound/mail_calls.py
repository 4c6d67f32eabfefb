"""The doorway for mail by webhook: a mail service calls `/hooks/<service>/mail` with mail that it took for us.

Policy: only a mail as it came counts, octet for octet: signatures, reports and what is rare in it do not survive being
taken apart. So Amazon SES, Mailgun, Postmark, SendGrid and SparkPost can hand over mail, when told to send it raw;
Brevo, Mailjet and Resend cannot. It is stored before 200 is said, with the envelope as far as the service tells it.
The service's own address says nothing of where the mail came from, so it is no peer (SPF).
"""

from __future__ import annotations

import base64
import binascii
import json
import logging
import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest

from answerback.inbound import calls
from answerback.inbound.calls import RefusedError
from answerback.store import raw
from answerback.store.raw import Incoming
from mailroom.bounces.json_text import object_of, string_of

Form = Mapping[str, bytes]
_BOUNDARY: Final = re.compile(r'boundary="?([^";,]{1,200})', re.IGNORECASE)
_FIELD: Final = re.compile(rb'\bname="([^"\r\n]{1,100})"')
_SIGNED: Final = ("timestamp", "token", "signature")  # Mailgun's
log = logging.getLogger(__name__)


@calls.answered
def receive(request: HttpRequest, provider: str) -> str:
    if provider not in READERS:
        raise RefusedError("no_door")
    body = calls.body_of(request, provider, settings.MAX_REQUEST_SIZE)
    content = form_of(body, request.headers.get("Content-Type", "")) if provider in _FORMS else calls.json_of(body)
    calls.check(request, provider, body, _signed(content) if provider == "mailgun" else content)
    found = READERS[provider](content)
    if found is None:
        return "nothing"
    if not found or not all(mail.content.strip() for mail in found):
        raise RefusedError("no_raw_mail")
    if any(len(mail.content) > settings.MAX_MESSAGE_SIZE for mail in found):
        raise RefusedError("too_big")
    try:
        raw.save_all(found)
    except (DatabaseError, OSError):
        log.exception("mail by %s cannot be stored", provider)
        raise RefusedError("not_stored") from None
    return "stored"


# What each of them hands over; [] where the mail is not there as it came, None where it is no mail at all


def _mailgun(form: Any) -> list[Incoming]:
    """A route whose address ends in `mime` posts `body-mime`."""
    return [_incoming(form.get("body-mime", b""), _text(form, "sender"), _text(form, "recipient"))]


def _sendgrid(form: Any) -> list[Incoming]:
    """Inbound Parse with "POST the raw, full MIME message"."""
    try:
        envelope = json.loads(form.get("envelope", b"{}"))
    except (ValueError, RecursionError):
        envelope = {}
    told = envelope if isinstance(envelope, dict) else {}
    return [_incoming(form.get("email", b""), string_of(told, "from"), *_strings(told.get("to")))]


def _postmark(content: Any) -> list[Incoming]:
    """An inbound stream with "Include raw email content"; the return path comes as the first header."""
    mail = content if isinstance(content, dict) else {}
    headers = mail.get("Headers")
    first = headers[0] if isinstance(headers, list) and headers and isinstance(headers[0], dict) else {}
    path = string_of(first, "Value").strip("<>") if string_of(first, "Name").lower() == "return-path" else ""
    return [_incoming(_octets(mail.get("RawEmail")), path, string_of(mail, "OriginalRecipient"))]


def _sparkpost(content: Any) -> list[Incoming] | None:
    """A relay webhook; SparkPost calls it once with nothing when it is made."""
    posted = content if isinstance(content, list) else [content]
    messages = [object_of(one, "msys", "relay_message") for one in posted if isinstance(one, dict)]
    return [_relayed(one) for one in messages if one] or None


def _relayed(message: Mapping[str, Any]) -> Incoming:
    kept = object_of(message, "content")
    octets = _octets(kept.get("email_rfc822"), is_base64=kept.get("email_rfc822_is_base64") is True)
    return _incoming(octets, string_of(message, "msg_from"), string_of(message, "rcpt_to"))


def _ses(content: Any) -> list[Incoming] | None:
    """A receipt rule with an SNS action; the topic's own messages are none."""
    if string_of(content, "Type") != "Notification":
        return None
    try:
        told = json.loads(string_of(content, "Message"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict) or string_of(told, "notificationType") != "Received":
        return None
    is_base64 = string_of(object_of(told, "receipt", "action"), "encoding").upper() == "BASE64"
    recipients = _strings(object_of(told, "receipt").get("recipients"))
    return [
        _incoming(_octets(told.get("content"), is_base64), string_of(object_of(told, "mail"), "source"), *recipients)
    ]


def _incoming(content: bytes, envelope_from: str, *envelope_to: str) -> Incoming:
    return Incoming(content, raw.WEBHOOK, envelope_from=envelope_from, envelope_to=list(filter(None, envelope_to)))


def _octets(value: object, is_base64: bool = False) -> bytes:
    if not isinstance(value, str):
        return b""
    if not is_base64:
        return value.encode("utf-8", "replace")
    try:
        return base64.b64decode(value)
    except (binascii.Error, ValueError):
        return b""


def _strings(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


# Forms, whose fields may hold any octets: Django would decode them


def form_of(body: bytes, content_type: str) -> Form:
    """RefusedError is not raised here: what is no form has no fields, and so no signature."""
    if match := _BOUNDARY.search(content_type):
        return _multipart(body, match[1].strip().encode("latin-1", "replace"))
    pairs = parse_qsl(body.decode("latin-1"), keep_blank_values=True, encoding="latin-1")
    return {name: value.encode("latin-1", "replace") for name, value in pairs}


def _multipart(body: bytes, boundary: bytes) -> Form:
    fields: dict[str, bytes] = {}
    for part in (b"\r\n" + body).split(b"\r\n--" + boundary)[1:]:
        header, _, value = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        if name := _FIELD.search(header):
            fields[name[1].decode("latin-1")] = value
    return fields


def _signed(form: Any) -> dict[str, dict[str, str]]:
    """Mailgun's signature, where its events have it."""
    return {"signature": {name: _text(form, name) for name in _SIGNED}}


def _text(form: Form, name: str) -> str:
    return form.get(name, b"").decode("utf-8", "replace").strip()


_FORMS: Final = frozenset({"mailgun", "sendgrid"})
READERS: Final[Mapping[str, Callable[[Any], list[Incoming] | None]]] = {
    "mailgun": _mailgun,
    "postmark": _postmark,
    "sendgrid": _sendgrid,
    "ses": _ses,
    "sparkpost": _sparkpost,
}
