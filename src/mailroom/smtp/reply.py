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
from functools import lru_cache

from mailroom.retry import read_retry_after
from mailroom.status import EnhancedStatus

TEXT_LIMIT = 8 * 1024
LINES_LIMIT = 100
REPLY_LIMIT = 256 * 1024

_CODE_LENGTH = 5  # octets that tell a line of a reply from what only begins like one
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
        self._line_begun = bytearray()
        self._start_reply()

    @property
    def midway(self) -> bool:
        """Whether a reply has begun and not ended."""
        return bool(self._line_begun or self._code)

    def feed(self, data: bytes) -> list[Reply]:
        *lines, rest = data.split(b"\n")
        if lines and self._line_begun:
            lines[0] = bytes(self._line_begun + lines[0])
            self._line_begun.clear()
        replies = [reply for line in lines if (reply := self._take(line))]
        self._line_begun += rest
        if self._size + len(self._line_begun) > REPLY_LIMIT:
            self.broken = self.broken or "a reply without end"
        return replies

    def _start_reply(self) -> None:
        self._code = 0
        self._size = 0
        self._lines: list[str] = []
        self._room = TEXT_LIMIT

    def _take(self, line: bytes) -> Reply | None:
        """One line; the reply, if it was the last of one."""
        if self.broken:
            return None
        read = _read(line[: self._room])
        if read is None:
            self.broken = f"not a reply: {_clean(line[:200])}"
            return None
        reply, more = read
        if not more and not self._code:
            return reply
        if self._code not in (0, reply.code):
            self.broken = f"a reply with two codes: {self._code} and {_clean(line[:200])}"
            return None
        self._code = reply.code
        self._keep(reply, len(line) + 1)
        if more:
            return None
        reply = Reply(self._code, tuple(self._lines))
        self._start_reply()
        return reply

    def _keep(self, line: Reply, size: int) -> None:
        self._size += size
        if self._room > _CODE_LENGTH and len(self._lines) < LINES_LIMIT:
            self._lines += line.lines
            self._room = max(self._room - size, _CODE_LENGTH)


@lru_cache(maxsize=256)
def _read(line: bytes) -> tuple[Reply, bool] | None:
    """The line as a reply of its own, and whether it is followed by more; None where it is of no reply.

    A server says the same few lines all day.
    """
    line = line.removesuffix(b"\r")
    match = _LINE.match(line)
    return (Reply(int(match[1]), (_clean(line),)), match[2] == b"-") if match else None


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
