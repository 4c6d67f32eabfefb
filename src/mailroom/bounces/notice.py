"""`Notice`: a mail laid out for the readers, whatever its MIME structure has suffered.

A notice has up to five things in it: what it says to people, machine-readable delivery status (RFC 3464), a
machine-readable feedback report (RFC 5965), a disposition (RFC 8098), and the returned original or its headers. Each
may be a part of its own (RFC 6522) or stand in the text. What belongs to the returned original is never mixed with
what the notice says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Final

from mailroom.bounces import phrases
from mailroom.charsets import decode_words
from mailroom.message import Mail, Part

MAX_TEXT: Final = 256 * 1024  # characters of text, status and original looked at; notices are far shorter
MAX_LINE: Final = 2000

_STATUS: Final = frozenset({"message/delivery-status", "message/global-delivery-status"})
_FEEDBACK: Final = frozenset({"message/feedback-report"})
_DISPOSITION: Final = frozenset({"message/disposition-notification", "message/global-disposition-notification"})
_ORIGINALS: Final = frozenset(
    {"message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers", "message/partial"}
    | {"message/rfc822-headers", "text/rfc822"}  # QUIRK: misnamed
)
_WORDS: Final = ("text/", "multipart/", "application/json")
_NOT_WORDS: Final = frozenset(
    {"text/html", "text/calendar", "text/css", "text/x-amp-html", "text/vcard", "text/x-vcard"}
)

# A header that MTAs write at the top of a message, at the start of a line or quoted.
_TRACE_HEADER = re.compile(
    r"^[> ]{0,4}(?:Received|Return-Path|Delivered-To|DKIM-Signature|ARC-[A-Za-z-]+|MIME-Version|X-[A-Za-z0-9-]+): ?",
    re.I | re.M,
)
_ANY_HEADER = re.compile(
    r"[> ]{0,4}(?:[A-Za-z][A-Za-z0-9-]{1,60}:(?:\s|$|<)|(?:Received|Message-ID|From|To|Date|Subject):)", re.I
)


@dataclass(frozen=True, slots=True)
class Notice:
    """Texts have LF line ends and are at most `MAX_TEXT` long."""

    mail: Mail
    text: str = ""  # what it says to people
    status: tuple[str, ...] = ()  # bodies of delivery-status parts
    feedback: tuple[str, ...] = ()  # bodies of feedback-report parts
    disposition: tuple[str, ...] = ()  # bodies of disposition-notification parts
    original: str = ""  # the returned original, headers first
    lines: list[str] = field(default_factory=list)  # of `text`

    def header(self, name: str) -> str:
        """The first header of that name, encoded words undone, cut at `MAX_LINE`; "" where there is none."""
        value = next(iter(self.mail.raw_headers(name)), "")[:MAX_LINE]
        return decode_words(value) if "=?" in value else value

    @property
    def is_report(self) -> bool:
        return self.mail.content_type == "multipart/report"


def lay_out(mail: Mail) -> Notice:
    """Sort the parts of a mail into what they are for a notice."""
    texts: list[str] = []
    status: list[str] = []
    feedback: list[str] = []
    disposition: list[str] = []
    originals: list[str] = []
    for part in mail.parts:
        kind = part.content_type
        if kind in _STATUS:
            status.append(_text(part))
        elif kind in _FEEDBACK:
            feedback.append(_text(part))
        elif kind in _DISPOSITION:
            disposition.append(_text(part))
        elif kind in _ORIGINALS:
            originals.append(_text(part))
        elif kind not in _NOT_WORDS and kind.startswith(_WORDS) and not originals:
            texts.append(_text(part))
    words = "\n\n".join(texts) if any(text.strip() for text in texts) else mail.text
    text, quoted = split_at_original(words[:MAX_TEXT])
    return Notice(
        mail=mail,
        text=text,
        status=tuple(status),
        feedback=tuple(feedback),
        disposition=tuple(disposition),
        original=next((original for original in [*originals, quoted] if original.strip()), ""),
        lines=[line[:MAX_LINE] for line in text.split("\n")],
    )


def _text(part: Part) -> str:
    # QUIRK: `text/plain charset=iso-2022-jp` without a semicolon, or no charset at all (sisimai x1-02, notes-01).
    if not part.charset and b"\x1b$" in part.content[:MAX_TEXT]:
        part = replace(part, charset="iso-2022-jp")
    return part.text[:MAX_TEXT]


def split_at_original(text: str) -> tuple[str, str]:
    """What the notice says, and the original that it quotes below; each may be "".

    The original begins below a line that announces it, or with a header that only MTAs write.
    """
    announced = next((found for found in phrases.BREAK.finditer(text) if text[: found.start()].strip()), None)
    end = announced.start() if announced else len(text)
    headers = next((found for found in _TRACE_HEADER.finditer(text, 0, end) if _starts_headers(text, found)), None)
    if headers:
        return text[: headers.start()], _unquoted(text[headers.start() :].split("\n"))
    if announced:
        return text[:end], _unquoted(text[end:].split("\n")[1:])
    return text, ""


def _starts_headers(text: str, found: re.Match[str]) -> bool:
    return _looks_like_headers(text[found.start() : found.start() + 4000].split("\n")[:12])


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
