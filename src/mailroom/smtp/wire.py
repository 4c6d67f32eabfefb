"""From an envelope to the octets of a transaction (RFC 5321 §4.1.1, with SIZE, 8BITMIME, SMTPUTF8, DSN).

The policy, in prose: parameters go only to servers that announced them. What leaves has CRLF line ends and no other CR
or LF, so that nobody can smuggle a second message through us (a lone CR or LF ends a line for some servers). An address
that could end its command early never leaves.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from mailroom.address import ascii_domain, literal_ip
from mailroom.smtp.trouble import Fault

BLOCK = 64 * 1024
_ADDRESS_MAX = 254  # RFC 5321 §4.5.3.1.3, without the angle brackets
_LOCAL = re.compile(r'[^\x00-\x20\x7f<>"\\(),:;@\[\]]+|"(?:[^\x00-\x1f\x7f"\\]|\\[\x20-\x7e])*"')
_BARE = re.compile(rb"\r\n|\r|\n")
_NOT_XTEXT = re.compile(r"[^!-*,-<>-~]")

Capabilities = Mapping[str, str]  # EHLO keyword in upper case -> its parameters
Opening = tuple[bytes, bytes, bytes]  # MAIL, RCPT, DATA


class Envelope(NamedTuple):
    """One recipient of one message. `mail_from` "" is the null reverse-path; `content` is the whole message."""

    id: int
    mail_from: str
    rcpt_to: str
    content: bytes
    smtputf8: bool = False


def compose_opening(envelope: Envelope, capabilities: Capabilities, size_max: int) -> Opening | Fault:
    """The commands up to DATA; or why this server cannot get this envelope at all, known before a word is spoken."""
    recipient = _path(envelope.rcpt_to)
    if recipient is None:
        return Fault.BAD_RECIPIENT
    sender = _path(envelope.mail_from) if envelope.mail_from else ""
    if sender is None:
        return Fault.BAD_SENDER
    size = len(envelope.content)
    if size_max and size > size_max:
        return Fault.TOO_BIG
    smtputf8 = envelope.smtputf8 or not (sender.isascii() and recipient.isascii())
    if smtputf8 and "SMTPUTF8" not in capabilities:
        return Fault.NEEDS_SMTPUTF8
    eight_bit = not envelope.content.isascii()
    if eight_bit and not smtputf8 and "8BITMIME" not in capabilities:
        return Fault.NEEDS_8BITMIME
    mail, rcpt = f"MAIL FROM:<{sender}>", f"RCPT TO:<{recipient}>"
    if "SIZE" in capabilities:
        mail += f" SIZE={size}"
    if eight_bit and "8BITMIME" in capabilities:
        mail += " BODY=8BITMIME"
    if smtputf8:
        mail += " SMTPUTF8"
    if sender and "DSN" in capabilities:  # reports about mail with the null reverse-path would go nowhere
        mail += f" RET=HDRS ENVID={envelope.id}"
        rcpt += f" NOTIFY=FAILURE,DELAY ORCPT={_original_recipient(recipient)}"
    return f"{mail}\r\n".encode(), f"{rcpt}\r\n".encode(), b"DATA\r\n"


def size_limit(capabilities: Capabilities, ours: int) -> int:
    """The octets that a message may have, by our own limit and the server's; 0 where there is none."""
    return min((limit for limit in (ours, announced_size(capabilities)) if limit), default=0)


def announced_size(capabilities: Capabilities) -> int:
    """The largest message that the server takes (RFC 1870); 0 where it names none."""
    said = capabilities.get("SIZE", "").strip()
    return int(said) if said.isdecimal() and len(said) < 19 else 0


def _path(spec: str) -> str | None:
    """The address with its domain in ASCII, or None."""
    local, _, domain = spec.rpartition("@")
    written = _written(domain)
    if not written or not _LOCAL.fullmatch(local):
        return None
    path = f"{local}@{written}"
    return path if len(path.encode("utf-8", "replace")) <= _ADDRESS_MAX and path.isprintable() else None


@lru_cache(maxsize=1024)
def _written(domain: str) -> str | None:
    """A domain in ASCII, or an address literal. Many mails go to few domains."""
    return ascii_domain(domain) or (domain if literal_ip(domain) else None)


def _original_recipient(path: str) -> str:
    """RFC 3461 §4.2; beyond ASCII the type utf-8 of RFC 6533 §3."""
    if path.isascii():
        return "rfc822;" + _NOT_XTEXT.sub(lambda match: f"+{ord(match[0]):02X}", path)
    return "utf-8;" + re.sub(r"[^!-*,-<>-\[\]-~]", lambda match: f"\\x{{{ord(match[0]):X}}}", path)


def blocks(content: bytes) -> Sequence[bytes | memoryview]:
    """The message as it goes on the wire, up to and without the final dot; the last block ends in CRLF."""
    octets = _stuff(_normal(content))
    if len(octets) <= BLOCK:
        return [octets]
    view = memoryview(octets)
    return [view[start : start + BLOCK] for start in range(0, len(octets), BLOCK)]


def _normal(content: bytes) -> bytes:
    """CRLF ends every line and stands nowhere alone; NUL has no place in mail (RFC 5322 §2.1)."""
    if _line_ends(content) not in (None, "\r\n"):
        content = _BARE.sub(b"\r\n", content)
    if b"\0" in content:
        content = content.replace(b"\0", b"")
    return content if content.endswith(b"\r\n") else content + b"\r\n"


def _line_ends(content: bytes) -> str | tuple[str, ...] | None:
    """Which sorts there are; None where there is none. No other way to find out is as quick, or copies as little."""
    seen = io.IncrementalNewlineDecoder(None, translate=False)
    seen.decode(content.decode("latin-1"), final=True)
    return seen.newlines


def _stuff(content: bytes) -> bytes:
    """RFC 5321 §4.5.2."""
    if content.startswith(b"."):
        content = b"." + content
    # From the right, for then it is the rare CR that is looked for; there is seldom anything to replace.
    return content.replace(b"\r\n.", b"\r\n..") if content.rfind(b"\r\n.") >= 0 else content
