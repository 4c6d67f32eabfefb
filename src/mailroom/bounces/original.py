"""Headers of the returned original: the only place where our own X- headers count (docs/architecture.md)."""

from __future__ import annotations

from typing import Final

from mailroom.message import Mail, parse_header

MAX_HEADERS: Final = 64 * 1024  # characters
DELIVERY_TOKEN: Final = "X-Answerback-Delivery"  # noqa: S105 (a header name)
METADATA: Final = "answerback"  # its name among what a provider keeps of a mail; Postmark takes 20 characters


def read_original(text: str) -> Mail:
    """The header block at the start of `text` as a mail without body; without fields where there is none."""
    block = text[:MAX_HEADERS].lstrip("\n").partition("\n\n")[0]
    return parse_header(f"{block}\n\n".encode("utf-8", "replace")) if block else Mail()


def delivery_tokens(original: Mail) -> list[str]:
    """What we signed into the copy that came back (docs/flows.md, B)."""
    return [token.strip() for token in original.raw_headers(DELIVERY_TOKEN) if token.strip()]
