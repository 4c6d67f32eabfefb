"""From an envelope to the octets of a transaction (RFC 5321 §4.1.1, with SIZE, 8BITMIME, SMTPUTF8, DSN).

The policy, in prose: parameters go only to servers that announced them. What leaves has CRLF line ends and no other CR
or LF, so that nobody can smuggle a second message through us (a lone CR or LF ends a line for some servers). An address
that could end its command early never leaves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from mailroom.address import ascii_domain
from mailroom.smtp.trouble import Fault

BLOCK = 64 * 1024
_ADDRESS_MAX = 254  # RFC 5321 §4.5.3.1.3, without the angle brackets
_LOCAL = re.compile(r'[^\x00-\x20\x7f<>"\\(),:;@\[\]]+|"(?:[^\x00-\x1f\x7f"\\]|\\[\x20-\x7e])*"')
_LITERAL = re.compile(r"\[[0-9A-Za-z.:]{2,60}\]")
_BARE = re.compile(rb"\r\n|\r|\n")
_NOT_XTEXT = re.compile(r"[^!-*,-<>-~]")

Capabilities = Mapping[str, str]  # EHLO keyword in upper case -> its parameters


@dataclass(frozen=True)
class Envelope:
    """One recipient of one message. `mail_from` "" is the null reverse-path; `content` is the whole message."""

    id: int
    mail_from: str
    rcpt_to: str
    content: bytes
    smtputf8: bool = False

    @cached_property
    def sender(self) -> str | None:
        """The reverse-path as it goes on the wire; None where it cannot."""
        return _path(self.mail_from) if self.mail_from else ""

    @cached_property
    def recipient(self) -> str | None:
        return _path(self.rcpt_to)

    @property
    def needs_smtputf8(self) -> bool:
        return self.smtputf8 or not f"{self.sender}{self.recipient}".isascii()


def _path(spec: str) -> str | None:
    """The address with its domain in ASCII, or None."""
    local, _, domain = spec.rpartition("@")
    written = domain if _LITERAL.fullmatch(domain) else ascii_domain(domain)
    if not written or not _LOCAL.fullmatch(local):
        return None
    path = f"{local}@{written}"
    return path if len(path.encode("utf-8", "replace")) <= _ADDRESS_MAX and path.isprintable() else None


def unfit(envelope: Envelope, capabilities: Capabilities, max_size: int) -> Fault | None:
    """Why this server cannot get this envelope at all, known before a word is spoken."""
    if envelope.recipient is None:
        return Fault.BAD_RECIPIENT
    if envelope.sender is None:
        return Fault.BAD_SENDER
    limits = [limit for limit in (max_size, announced_size(capabilities)) if limit]
    if limits and len(envelope.content) > min(limits):
        return Fault.TOO_BIG
    if envelope.needs_smtputf8:
        return None if "SMTPUTF8" in capabilities else Fault.NEEDS_SMTPUTF8
    if "8BITMIME" not in capabilities and not envelope.content.isascii():
        return Fault.NEEDS_8BITMIME
    return None


def announced_size(capabilities: Capabilities) -> int:
    """The largest message that the server takes (RFC 1870); 0 where it names none."""
    said = capabilities.get("SIZE", "").strip()
    return int(said) if said.isdecimal() and len(said) < 19 else 0


def mail_command(envelope: Envelope, capabilities: Capabilities) -> bytes:
    words = [f"MAIL FROM:<{envelope.sender}>"]
    if "SIZE" in capabilities:
        words.append(f"SIZE={len(envelope.content)}")
    if "8BITMIME" in capabilities and not envelope.content.isascii():
        words.append("BODY=8BITMIME")
    if envelope.needs_smtputf8:
        words.append("SMTPUTF8")
    if _wants_reports(envelope, capabilities):
        words += ["RET=HDRS", f"ENVID={envelope.id}"]
    return (" ".join(words) + "\r\n").encode()


def rcpt_command(envelope: Envelope, capabilities: Capabilities) -> bytes:
    words = [f"RCPT TO:<{envelope.recipient}>"]
    if _wants_reports(envelope, capabilities):
        words += ["NOTIFY=FAILURE,DELAY", f"ORCPT={_original_recipient(envelope.recipient or '')}"]
    return (" ".join(words) + "\r\n").encode()


def _wants_reports(envelope: Envelope, capabilities: Capabilities) -> bool:
    """Reports about mail with the null reverse-path would go nowhere."""
    return "DSN" in capabilities and bool(envelope.sender)


def _original_recipient(path: str) -> str:
    """RFC 3461 §4.2; beyond ASCII the type utf-8 of RFC 6533 §3."""
    if path.isascii():
        return "rfc822;" + _NOT_XTEXT.sub(lambda match: f"+{ord(match[0]):02X}", path)
    return "utf-8;" + re.sub(r"[^!-*,-<>-\[\]-~]", lambda match: f"\\x{{{ord(match[0]):X}}}", path)


def blocks(content: bytes) -> Iterator[bytes]:
    """The message as it goes on the wire, up to and without the final dot; the last block ends in CRLF."""
    stuffed = _stuff(_normal(content))
    for start in range(0, len(stuffed), BLOCK):
        yield stuffed[start : start + BLOCK]


def _normal(content: bytes) -> bytes:
    """CRLF ends every line and stands nowhere alone; NUL has no place in mail (RFC 5322 §2.1)."""
    pairs = content.count(b"\r\n")
    if content.count(b"\n") != pairs or content.count(b"\r") != pairs:
        content = _BARE.sub(b"\r\n", content)
    if b"\0" in content:
        content = content.replace(b"\0", b"")
    return content if content.endswith(b"\r\n") else content + b"\r\n"


def _stuff(content: bytes) -> bytes:
    """RFC 5321 §4.5.2."""
    if content.startswith(b"."):
        content = b"." + content
    return content.replace(b"\r\n.", b"\r\n..")
