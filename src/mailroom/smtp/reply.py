"""SMTP replies (RFC 5321 §4.2): octets in, whole replies out.

The policy, in prose:

* Strict where it matters: three digits of a known class, one code for all lines of a reply. Anything else is no reply,
  and nothing after it can be trusted: the parser stops there and says why.
* Lenient where the real world is: a line may end in a bare LF, may miss its text, may hold any octets.
* Bounded: 8 KiB and 100 lines of text are kept, the rest of a long reply is read over, because its code still counts;
  a reply of more than 256 KiB is no reply.
* Text is cleaned before anybody stores or shows it: UTF-8 or else Latin-1, controls and bidirectional overrides are
  replaced.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from mailroom.retry import read_retry_after
from mailroom.status import EnhancedStatus

TEXT_LIMIT = 8 * 1024
LINES_LIMIT = 100
REPLY_LIMIT = 256 * 1024

_LINE = re.compile(rb"([2-5][0-9][0-9])(?:([ -])|\Z)")
_OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply: code, and its lines as given, codes included."""

    code: int
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def status(self) -> EnhancedStatus | None:
        """The first enhanced status at the start of a line, if its class fits the code (RFC 2034 §4)."""
        for line in self.lines:
            # QUIRK: IronPort writes "550 #5.1.0 Address rejected".
            status = EnhancedStatus.parse(line[4:].lstrip("#"))
            if status and status.class_ == self.code // 100:
                return status
        return None

    @property
    def retry_after(self) -> int | None:
        """Seconds, where a transient reply names them ("try again in 5 minutes")."""
        return read_retry_after(self.text) if 400 <= self.code < 500 else None


class ReplyParser:
    """Feed octets, get whole replies. Once `broken` says why, nothing more comes out."""

    def __init__(self) -> None:
        self.broken = ""
        self._buffer = bytearray()
        self._searched = 0
        self._start_reply()

    @property
    def midway(self) -> bool:
        """Whether a reply has begun and not ended."""
        return bool(self._buffer or self._code)

    def feed(self, data: bytes) -> list[Reply]:
        replies: list[Reply] = []
        self._buffer += data
        while not self.broken and (end := self._buffer.find(b"\n", self._searched)) >= 0:
            line = bytes(self._buffer[:end]).removesuffix(b"\r")
            del self._buffer[: end + 1]
            self._searched = 0
            if reply := self._take(line):
                replies.append(reply)
        self._searched = len(self._buffer)
        if self._size + len(self._buffer) > REPLY_LIMIT:
            self.broken = "a reply without end"
        return replies

    def _start_reply(self) -> None:
        self._code = 0
        self._size = 0
        self._kept = 0
        self._lines: list[str] = []

    def _take(self, line: bytes) -> Reply | None:
        """One line; the reply, if it was the last of one."""
        match = _LINE.match(line)
        if match is None:
            self.broken = f"not a reply: {_clean(line[:200])}"
            return None
        code = int(match[1])
        if self._code and code != self._code:
            self.broken = f"a reply with two codes: {self._code} and {_clean(line[:200])}"
            return None
        self._code = code
        self._keep(line)
        if match[2] == b"-":
            return None
        reply = Reply(code, tuple(self._lines))
        self._start_reply()
        return reply

    def _keep(self, line: bytes) -> None:
        self._size += len(line) + 2
        room = TEXT_LIMIT - self._kept
        if room > 0 and len(self._lines) < LINES_LIMIT:
            self._lines.append(_clean(line[:room]))
            self._kept += len(line) + 1


def _clean(octets: bytes) -> str:
    if octets.isascii():
        text = octets.decode("ascii")
        if text.isprintable():
            return text
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError:
        text = octets.decode("latin-1")
    return "".join("\ufffd" if c in _OVERRIDES or unicodedata.category(c) == "Cc" else c for c in text)
