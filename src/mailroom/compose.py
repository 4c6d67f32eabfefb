"""Building a message: fields and texts in, RFC 5322 octets out.

The policy, in prose:

* The body is built once per message and is the same for every recipient; `for_recipient` only adds the fields that
  name one delivery. Nothing here is random, so a retry sends the same octets.
* The octets are 7-bit with CRLF line ends and lines of at most 998: any server takes them, signatures survive.
* Text from people cannot become structure. Control characters and line separators turn into spaces, whatever is not
  plain ASCII travels as encoded words (RFC 2047) or extended parameters (RFC 2231).
* One address with a local part beyond ASCII must not make the mail undeliverable to the others: in To and Cc it is
  written as an empty group (RFC 6857 §3.1.8). Only such a From makes the message need SMTPUTF8.
* What is ours to configure (From, Message-ID, field names) and is wrong raises ValueError; what comes from people never
  does.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from urllib.parse import quote

from mailroom.address import Address, ascii_domain

_LINE = 76  # RFC 5322 wishes 78, RFC 2045 and 2047 demand 76
_WORD = 45  # octets in one encoded word: 60 characters of base64 and a frame of 12
_REFERENCES_KEPT = 20  # beside the first one
_MESSAGE_ID = re.compile(r"<[!-;=?A-~]{1,900}@[!-;=?A-~]{1,255}>\Z")
_FIELD_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,70}\Z")
_TOKEN = re.compile(r"[!-~]{1,500}\Z")
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9.+_-]{0,62}/[a-z0-9][a-z0-9.+_-]{0,126}\Z")
_LANGUAGE = re.compile(r"[A-Za-z0-9-]{2,35}\Z")
_DOT_ATOM = re.compile(r"[^\x00-\x20\x7f()<>\[\]:;@\\,.\"]+(\.[^\x00-\x20\x7f()<>\[\]:;@\\,.\"]+)*\Z")
_DOMAIN = re.compile(r"(?:[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*|\[[0-9A-Za-z.:]+\])\Z")
_PLAIN_PHRASE = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*\Z")
_PLAIN_FILE_NAME = re.compile(r"[A-Za-z0-9 ()+,=@._-]{1,50}\Z")
_CONTENT_ID = re.compile(r"[^!-;=?-~]")
_FIELD = re.compile(rb"[^\r\n]+\r\n(?:[ \t][^\r\n]*\r\n)*")
_ASCII = bytes(range(128))
_CONTROLS = bytes({*range(32), 127} - {*b"\t\n"})
_OURS = frozenset(
    {"from", "to", "cc", "bcc", "subject", "date", "message-id", "in-reply-to", "references", "reply-to"}
    | {"mime-version", "content-type", "content-transfer-encoding", "content-language"}
    | {"auto-submitted", "x-auto-response-suppress", "x-answerback-delivery"}
)


@dataclass(frozen=True, slots=True)
class OutgoingPart:
    """A file to send. `inline` with a `content_id` is an image that the HTML shows as `cid:content_id`."""

    file_name: str
    content_type: str
    content: bytes
    content_id: str = ""
    inline: bool = False


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message before it is octets. Message-IDs come with their angle brackets."""

    message_id: str
    date: datetime
    from_: Address
    subject: str
    to: Sequence[Address]
    text: str
    html: str = ""
    cc: Sequence[Address] = ()
    in_reply_to: str = ""
    references: Sequence[str] = ()
    attachments: Sequence[OutgoingPart] = ()
    extra_headers: Mapping[str, str] = field(default_factory=dict)
    auto_submitted: bool = False
    language: str = ""


@dataclass(frozen=True, slots=True)
class Composed:
    """A message as octets: `header` is whole fields, each with its CRLF, without the empty line; `body` follows it."""

    header: bytes
    body: bytes
    smtputf8: bool = False

    @property
    def octets(self) -> bytes:
        return b"".join((self.header, b"\r\n", self.body))


def compose(outgoing: Outgoing) -> Composed:
    """The octets of the message, all but the fields of a single delivery."""
    content_fields, body = _content(outgoing)
    sender, smtputf8 = _sender(outgoing.from_)
    fields = [
        ("Date", format_date(outgoing.date)),
        ("From", sender),
        ("To", _address_list(outgoing.to) or "undisclosed-recipients:;"),
        ("Cc", _address_list(outgoing.cc)),
        ("Subject", _unstructured(outgoing.subject, len("Subject: "))),
        ("Message-ID", _message_id(outgoing.message_id)),
        *_threading(outgoing.in_reply_to, outgoing.references),
        *_automatic(outgoing.auto_submitted),
        *_extra(outgoing.extra_headers),
        ("Content-Language", outgoing.language if _LANGUAGE.match(outgoing.language) else ""),
        ("MIME-Version", "1.0"),
        *content_fields,
    ]
    return Composed(_write(fields), b"".join(body), smtputf8)


def for_recipient(
    composed: Composed, reply_to: str, delivery_token: str, marks: Mapping[str, str] | None = None
) -> Composed:
    """The copy of one delivery. `reply_to` is an addr-spec; an empty value leaves its field out.

    `marks`: header fields for the server that takes the mail, which it keeps to itself.
    """
    if delivery_token and not _TOKEN.match(delivery_token):
        raise ValueError(f"not a delivery token: {delivery_token!r}")
    local, _, domain = reply_to.rpartition("@")
    reply_spec = _addr_spec(Address(local, domain))
    if reply_to and not reply_spec:
        raise ValueError(f"cannot be replied to: {reply_to!r}")
    own = _write([("Reply-To", reply_spec), ("X-Answerback-Delivery", delivery_token), *_extra(marks or {})])
    return Composed(own + composed.header, composed.body, composed.smtputf8)


def with_recipients(header: bytes, to: Sequence[Address], cc: Sequence[Address]) -> bytes:
    """A header block of `compose` that names other recipients: for sending the message again to a corrected address."""
    kept = [field for field in header_fields(header) if not field.lower().startswith((b"to:", b"cc:"))]
    named = _write([("To", _address_list(to) or "undisclosed-recipients:;"), ("Cc", _address_list(cc))])
    return b"".join((*kept[:2], named, *kept[2:]))  # after Date and From, as in `compose`


def header_fields(header: bytes) -> list[bytes]:
    """The fields of a header block of ours, each with its folded lines and line ends."""
    return _FIELD.findall(header)


@lru_cache(maxsize=16)
def format_date(date: datetime) -> str:
    """`Mon, 23 Nov 2026 23:28:36 +0100` (RFC 5322 §3.3) of an aware datetime."""
    if date.tzinfo is None:
        raise ValueError("a naive datetime has no place in a Date field")
    return format_datetime(date)


# Header fields


def _write(fields: Iterable[tuple[str, str]]) -> bytes:
    return "".join(f"{name}: {value}\r\n" for name, value in fields if value).encode("utf-8")


def _message_id(text: str) -> str:
    if not _MESSAGE_ID.match(text):
        raise ValueError(f"not a Message-ID: {text!r}")
    return text


def _threading(in_reply_to: str, references: Sequence[str]) -> list[tuple[str, str]]:
    """References keep the first and the last ones (RFC 5322 §3.6.4 sets no bound, servers do); odd ids are left out."""
    known = [reference for reference in references if _MESSAGE_ID.match(reference)]
    parent = in_reply_to if _MESSAGE_ID.match(in_reply_to) else ""
    if parent and known[-1:] != [parent]:
        known.append(parent)
    if len(known) > _REFERENCES_KEPT + 1:
        known = [known[0], *known[-_REFERENCES_KEPT:]]
    return [("In-Reply-To", parent), ("References", "\r\n ".join(known))]


def _automatic(auto_submitted: bool) -> list[tuple[str, str]]:
    """RFC 3834 §5, and the field that Exchange obeys instead."""
    if not auto_submitted:
        return []
    return [("Auto-Submitted", "auto-generated"), ("X-Auto-Response-Suppress", "All")]


def _extra(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    """Fields of the caller. Plain ASCII values may be structured (List-Unsubscribe): they are folded, never encoded."""
    fields = []
    for name, value in headers.items():
        if not _FIELD_NAME.match(name) or name.lower() in _OURS:
            raise ValueError(f"not an extra header field: {name!r}")
        text = re.sub(" +", " ", _clean(value))
        start = len(name) + 2
        fits = text.isascii() and all(len(word) < 900 for word in text.split())
        fields.append((name, _fold(text, start) if fits else _encoded_words(text, start)))
    return fields


def _clean(text: str) -> str:
    """One line of text: controls, line and paragraph separators and half surrogates become spaces."""
    if text.isascii() and text.isprintable():
        return text.strip()
    return "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp", "Cs") else c for c in text).strip()


def _unstructured(text: str, start: int) -> str:
    """RFC 5322 unstructured text; encoded words where ASCII would not come back as it went."""
    text = _clean(text)
    odd = "=?" in text or "  " in text or not text.isascii()
    plain = not odd and all(len(word) < _LINE - start for word in text.split(" "))
    return _fold(text, start) if plain else _encoded_words(text, start)


def _fold(text: str, start: int) -> str:
    """Breaks before a run of spaces; `start` is the column after the field name."""
    if start + len(text) <= _LINE:
        return text
    lines, column = [""], start
    for word in re.findall(r" *[^ ]+", text):
        if column + len(word) > _LINE and lines[-1]:
            lines.append("")
            column = 0
        lines[-1] += word
        column += len(word)
    return "\r\n".join(lines)


def _encoded_words(text: str, start: int) -> str:
    """RFC 2047 §2, UTF-8 in base64, never splitting a character; the first word leaves room for the field name."""
    words, piece, room = [], b"", _WORD - 3 * ((start + 3) // 4)
    for character in text:
        octets = character.encode("utf-8", "replace")
        if piece and len(piece) + len(octets) > room:
            words.append(piece)
            piece, room = b"", _WORD
        piece += octets
    words.append(piece)
    return "\r\n ".join(f"=?utf-8?b?{base64.b64encode(word).decode()}?=" for word in words if word)


@lru_cache(maxsize=256)
def _sender(address: Address) -> tuple[str, bool]:
    """The From field, and whether it needs SMTPUTF8."""
    spec = _addr_spec(address)
    if not spec:
        raise ValueError(f"cannot write from {address.spec!r}")
    return _mailbox(address.name, spec, len("From: ")), not spec.isascii()


def _address_list(addresses: Sequence[Address]) -> str:
    """Mailboxes, one a line. Whatever cannot be written as an address is left out: its own delivery says why."""
    mailboxes = []
    for address in addresses:
        spec = _addr_spec(address)
        if spec.isascii() and spec:
            mailboxes.append(_mailbox(address.name, spec, len("To: ")))
        elif spec:
            mailboxes.append(_encoded_words(f"{_clean(address.name)} {spec}".strip(), len("To: ")) + ":;")
    return ",\r\n ".join(mailboxes)


def _mailbox(name: str, spec: str, start: int) -> str:
    phrase = _phrase(name, start)
    if not phrase:
        return spec
    gap = " " if start + len(phrase) + len(spec) < _LINE else "\r\n "
    return f"{phrase}{gap}<{spec}>"


def _phrase(name: str, start: int) -> str:
    """A display name (RFC 5322 §3.2.5): bare, quoted, or in encoded words."""
    text = _clean(name)
    if not text.isascii() or "=?" in text or len(text) > 50:
        return _encoded_words(text, start)
    if not text or _PLAIN_PHRASE.match(text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _addr_spec(address: Address) -> str:
    """`local@domain` with the domain in ASCII; "" where it cannot be written."""
    domain = address.domain if address.domain.isascii() else ascii_domain(address.domain) or ""
    if not _DOMAIN.match(domain) or len(domain) > 255:
        return ""
    local = _local_part(address.local)
    return f"{local}@{domain}" if local else ""


def _local_part(local: str) -> str:
    if local[:1] == '"' and local[-1:] == '"' and len(local) > 1:
        local = re.sub(r"\\(.)", r"\1", local[1:-1])
    if not local or len(local.encode("utf-8", "replace")) > 256 or _clean(local) != local:
        return ""
    return local if _DOT_ATOM.match(local) else '"' + local.replace("\\", "\\\\").replace('"', '\\"') + '"'


# Body

_Entity = tuple[list[tuple[str, str]], list[bytes]]  # content fields, pieces of the octets, which end in CRLF


def _content(outgoing: Outgoing) -> _Entity:
    """The tree: mixed(alternative(text, related(html, images)), files), each level only where it is needed."""
    boundary = hashlib.sha256(outgoing.message_id.encode("utf-8", "replace")).hexdigest()[:32]
    shown = [part for part in outgoing.attachments if part.inline and part.content_id and outgoing.html]
    files = [part for part in outgoing.attachments if part not in shown]
    content = _text("plain", outgoing.text)
    if outgoing.html:
        html = _text("html", outgoing.html)
        if shown:
            html = _multipart("related", f"r{boundary}", [html, *map(_file, shown)])
        content = _multipart("alternative", f"a{boundary}", [content, html])
    if files:
        content = _multipart("mixed", f"m{boundary}", [content, *map(_file, files)])
    return content


def _multipart(kind: str, boundary: str, entities: Sequence[_Entity]) -> _Entity:
    """The boundary begins with "=_", which neither quoted-printable nor base64 can contain (RFC 2045 §6.7).

    The line end before a boundary belongs to the boundary (RFC 2046 §5.1.1), hence one more after each entity.
    """
    line = f"--=_{boundary}".encode()
    pieces: list[bytes] = []
    for fields, octets in entities:
        pieces += (line, b"\r\n", _write(fields), b"\r\n", *octets, b"\r\n")
    pieces += (line, b"--\r\n")
    return [("Content-Type", f'multipart/{kind};\r\n boundary="=_{boundary}"')], pieces


def _text(subtype: str, text: str) -> _Entity:
    encoding, octets = _encode_text(text)
    fields = [("Content-Type", f"text/{subtype}; charset=utf-8"), ("Content-Transfer-Encoding", encoding)]
    return fields, [octets]


def _encode_text(text: str) -> tuple[str, bytes]:
    """7bit where that is safe, quoted-printable for mostly Latin text, else base64; lines end in CRLF."""
    data = text.encode("utf-8", "replace")
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    data = data.replace(b"\0", b"")
    data = data if data.endswith(b"\n") else data + b"\n"
    if _is_plain(data):
        return "7bit", data.replace(b"\n", b"\r\n")
    if 3 * len(data.translate(None, _ASCII)) <= len(data):
        return "quoted-printable", binascii.b2a_qp(data, istext=True).replace(b"\n", b"\r\n")
    return "base64", _base64(data.replace(b"\n", b"\r\n"))


def _is_plain(data: bytes) -> bool:
    """ASCII in short lines, with nothing that a relay likes to change or that could be taken for a boundary."""
    return (
        data.isascii()
        and not any(odd in data for odd in (b"=_", b" \n", b"\t\n", b"\nFrom ", b"\n."))
        and not data.startswith((b"From ", b"."))
        and len(data.translate(None, _CONTROLS)) == len(data)
        and max(map(len, data.split(b"\n"))) <= _LINE
    )


def _file(part: OutgoingPart) -> _Entity:
    shown = part.inline and bool(part.content_id)
    content_id = _CONTENT_ID.sub("", part.content_id)[:250]
    disposition = ("inline" if shown else "attachment") + _file_name(part.file_name)
    fields = [
        ("Content-Type", _media_type(part.content_type)),
        ("Content-Transfer-Encoding", "base64"),
        ("Content-Disposition", disposition),
        ("Content-ID", f"<{content_id}>" if content_id else ""),
    ]
    return fields, [_base64(part.content)]


def _media_type(text: str) -> str:
    """`type/subtype` alone. RFC 2046 §5.2.1: message/* must not be in base64, and so travels as plain octets."""
    kind = text.partition(";")[0].strip().lower()
    if not _MEDIA_TYPE.match(kind) or kind.startswith(("message/", "multipart/")):
        return "application/octet-stream"
    return kind


def _file_name(name: str) -> str:
    """The filename parameter, with continuations where it is long (RFC 2231 §3, §4)."""
    text = _clean(name.replace("/", "_").replace("\\", "_"))[:150].strip() or "attachment"
    if _PLAIN_FILE_NAME.match(text):
        return f'; filename="{text}"'
    quoted = "utf-8''" + quote(text.encode("utf-8", "replace"), safe="")
    if len(quoted) <= 60:
        return f";\r\n filename*={quoted}"
    pieces = re.findall(r"(?:%..|[^%]){1,20}", quoted)
    return "".join(f";\r\n filename*{number}*={piece}" for number, piece in enumerate(pieces))


def _base64(data: bytes) -> bytes:
    return base64.encodebytes(data).replace(b"\n", b"\r\n")
