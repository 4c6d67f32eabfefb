"""`Notice`: a mail laid out for the readers, whatever its MIME structure has suffered.

A notice has up to four things in it: what it says to people, machine-readable delivery status (RFC 3464), a
machine-readable feedback report (RFC 5965), and the returned original or its headers. Each may be a part of its own
(RFC 6522) or stand in the text. What belongs to the returned original is never mixed with what the notice says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from html import unescape
from typing import Final

from mailroom.bounces import phrases
from mailroom.charsets import decode

MAX_TEXT: Final = 256 * 1024  # characters of text, status and original looked at; notices are far shorter
MAX_PARTS: Final = 200
MAX_LINE: Final = 2000

_ORIGINALS: Final = frozenset({"message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers"})
_ORIGINALS_MISNAMED: Final = frozenset({"message/rfc822-headers", "message/partial", "text/rfc822"})
_STATUS: Final = frozenset({"message/delivery-status", "message/global-delivery-status"})

# A header that MTAs write at the top of a message, at the start of a line or quoted.
_TRACE_HEADER = re.compile(
    r"[> ]{0,4}(?:Received|Return-Path|Delivered-To|DKIM-Signature|ARC-[A-Za-z-]+|MIME-Version|X-[A-Za-z0-9-]+): ?",
    re.I,
)
_ANY_HEADER = re.compile(r"[> ]{0,4}[A-Za-z][A-Za-z0-9-]{1,60}:(?:\s|$|<)")
_STATUS_FIELD = re.compile(r"^[> \t]{0,8}(?:Final|Original)-Recipient\s?:", re.I | re.M)
_TAG = re.compile(r"<[^<>]{0,2000}>")
_HTML_BREAK = re.compile(r"<\s*/?\s*(?:br|p|div|tr|li|h[1-6]|table|title|blockquote|pre)\b[^<>]{0,2000}>", re.I)
_HTML_HIDDEN = re.compile(r"<(style|script|!--)", re.I)


@dataclass(frozen=True, slots=True)
class Notice:
    """Texts have LF line ends and are at most `MAX_TEXT` long."""

    headers: Message
    text: str = ""  # what it says to people
    status: tuple[str, ...] = ()  # bodies of delivery-status parts, or text that holds status fields
    feedback: tuple[str, ...] = ()  # bodies of feedback-report parts
    original: str = ""  # the returned original, headers first
    is_report: bool = False  # multipart/report
    lines: list[str] = field(default_factory=list)  # of `text`

    def header(self, name: str) -> str:
        """The first header of that name, unfolded, undecoded; "" where there is none."""
        return re.sub(r"\s+", " ", str(self.headers.get(name, ""))).strip()


def lay_out(message: Message) -> Notice:
    """Take a parsed mail (policy compat32) apart."""
    texts: list[str] = []
    html: list[str] = []
    status: list[str] = []
    feedback: list[str] = []
    originals: list[str] = []
    for part in _parts(message):
        kind = part.get_content_type()
        if kind in _STATUS:
            status.append(_fields_text(part))
        elif kind == "message/feedback-report":
            feedback.append(_fields_text(part))
        elif kind in _ORIGINALS or kind in _ORIGINALS_MISNAMED:
            originals.append(_original_text(part))
        elif kind == "text/html":
            html.append(_text(part))
        elif kind.startswith(("text/", "multipart/")) and not originals:
            texts.append(_text(part))
    if not any(text.strip() for text in texts):
        texts = [_from_html(text) for text in html]
    text, quoted = split_at_original("\n\n".join(texts)[:MAX_TEXT])
    if not status and _STATUS_FIELD.search(text):
        status.append(text)
    return Notice(
        headers=message,
        text=text,
        status=tuple(status),
        feedback=tuple(feedback),
        original=next((original for original in [*originals, quoted] if original.strip()), ""),
        is_report=message.get_content_type() == "multipart/report",
        lines=[line[:MAX_LINE] for line in text.split("\n")],
    )


def split_at_original(text: str) -> tuple[str, str]:
    """What the notice says, and the original that it quotes below; each may be "".

    The original begins below a line that announces it, or with a header that only MTAs write.
    """
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if phrases.begins_original(line) and any(rest.strip() for rest in lines[:number]):
            return "\n".join(lines[:number]), _unquoted(lines[number + 1 :])
        if _TRACE_HEADER.match(line) and _looks_like_headers(lines[number : number + 12]):
            return "\n".join(lines[:number]), _unquoted(lines[number:])
    return text, ""


def _looks_like_headers(lines: list[str]) -> bool:
    """Whether three headers in a row begin here, folded lines aside."""
    count = 0
    for line in lines:
        if _ANY_HEADER.match(line):
            count += 1
        elif not line[:1].isspace() and not line.startswith((">", " ")):
            break
    return count >= 3


def _unquoted(lines: list[str]) -> str:
    """Lines of a quoted original from its first header on, without the "> " or indentation before each."""
    start = next((n for n, line in enumerate(lines) if _ANY_HEADER.match(line)), 0)
    prefix = re.match(r"[> ]*", lines[start]).group() if lines[start:] else ""  # type: ignore[union-attr]
    return "\n".join(line.removeprefix(prefix) for line in lines[start:])


def _parts(message: Message) -> Iterator[Message]:
    """Leaf parts and message/* parts in order; what lies inside a returned original is not gone into."""
    pending = [message]
    for _ in range(MAX_PARTS):
        if not pending:
            return
        part = pending.pop()
        payload = part.get_payload()
        if part.get_content_maintype() == "multipart" and isinstance(payload, list):
            pending.extend(child for child in reversed(payload) if isinstance(child, Message))
        else:
            yield part


def _text(part: Message) -> str:
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    charset = part.get_param("charset")
    name = charset if isinstance(charset, str) else ""
    # QUIRK: `text/plain charset=iso-2022-jp` without a semicolon, or no charset at all (sisimai x1-02, notes-01).
    if not name and b"\x1b$" in payload:
        name = "iso-2022-jp"
    return _normal_lines(decode(payload, name)[0])[:MAX_TEXT]


def _fields_text(part: Message) -> str:
    """The fields of a message/delivery-status or feedback-report part.

    The standard parser makes a message of each block of fields; lines that it did not take for fields
    (QUIRK: Mimecast writes `Action : failed`) are in those messages' bodies. Transfer encodings are undone
    although RFC 3464 §2.1 has them 7bit.
    """
    payload = part.get_payload()
    if isinstance(payload, list):
        text = "\n\n".join(_block_text(block) for block in payload if isinstance(block, Message))
    else:
        text = str(payload or "")
    if str(part.get("Content-Transfer-Encoding", "")).strip().lower() in ("base64", "quoted-printable"):
        text = _transfer_decoded(part, text)
    return _normal_lines(text)[:MAX_TEXT]


def _block_text(block: Message) -> str:
    fields = "\n".join(f"{name}: {value}" for name, value in block.items())
    body = block.get_payload()
    return f"{fields}\n{body}" if isinstance(body, str) and body.strip() else fields


def _transfer_decoded(part: Message, text: str) -> str:
    plain = Message()
    plain["Content-Transfer-Encoding"] = str(part["Content-Transfer-Encoding"])
    plain.set_payload(text)
    decoded = plain.get_payload(decode=True)
    return decode(decoded, "utf-8")[0] if isinstance(decoded, bytes) else text


def _original_text(part: Message) -> str:
    """The returned original as text, headers first."""
    payload = part.get_payload()
    if isinstance(payload, list) and payload and isinstance(payload[0], Message):
        headers = "\n".join(f"{name}: {value}" for name, value in payload[0].items())
        body = payload[0].get_payload()
        return _normal_lines(f"{headers}\n\n{body if isinstance(body, str) else ''}")[:MAX_TEXT]
    return _text(part)


def _from_html(html: str) -> str:
    """Text of a notice that has no plain text part: tags become line ends or nothing."""
    plain = _TAG.sub("", _HTML_BREAK.sub("\n", _without_hidden(html[:MAX_TEXT])))
    return unescape(plain)


def _without_hidden(html: str) -> str:
    """`html` without style sheets, scripts and comments. One pass from opening to closing mark."""
    pieces: list[str] = []
    position = 0
    while match := _HTML_HIDDEN.search(html, position):
        pieces.append(html[position : match.start()])
        closing = html.find("-->" if match[1] == "!--" else f"</{match[1]}", match.end())
        if closing < 0:
            return "".join(pieces)
        position = closing + 3 if match[1] == "!--" else closing
    return "".join([*pieces, html[position:]])


def _normal_lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
