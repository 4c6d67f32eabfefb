"""Whether two received messages are one and the same, whichever way each took.

Policy: trace fields (Received, Return-Path, Delivered-To, …) differ from door to door, and every server may add some.
What the author wrote does not: Message-ID, From, Date, Subject and the body. A message without a Message-ID is like no
other, and one that only borrows another's Message-ID has another body.
"""

from __future__ import annotations

import hashlib

from mailroom.message import Mail

_AUTHORS = ("message-id", "from", "date", "subject")


def fingerprint(mail: Mail) -> str:
    """A SHA-256 in hex; "" where the message has no Message-ID."""
    if not mail.message_id:
        return ""
    digest = hashlib.sha256()
    for name in _AUTHORS:
        digest.update(" ".join(" ".join(mail.raw_headers(name)).split()).encode("utf-8", "replace") + b"\0")
    digest.update(_body(mail.raw))
    return digest.hexdigest()


def _body(raw: bytes) -> bytes:
    """What follows the header, without the line ends and blanks at its end that servers change."""
    text = raw.replace(b"\r\n", b"\n")
    return text.partition(b"\n\n")[2].rstrip()
