"""JSON among the words of a notice, as providers of mail services send their events: whatever it is, never an error."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from mailroom.bounces.original import DELIVERY_TOKEN, METADATA

MAX_EVENTS: Final = 10_000  # providers gather up to some thousand for one call

_DECODER: Final = json.JSONDecoder(strict=False)  # line ends inside strings


def objects_in(text: str) -> list[dict[str, Any]]:
    """The object that begins in `text`, or those of the list that does; the first `MAX_EVENTS`."""
    start = text.find("{")
    if start < 0:
        return []
    listed = text.rfind("[", 0, start)
    if listed >= 0 and not text[listed + 1 : start].strip():
        start = listed
    try:
        value = _DECODER.raw_decode(text, start)[0]
    except (ValueError, RecursionError):
        return []
    values = value if isinstance(value, list) else [value]
    return [one for one in values[:MAX_EVENTS] if isinstance(one, dict)]


def object_of(holder: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """The object under the path of `names`, {} where there is none."""
    value: Any = holder
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def string_of(holder: Mapping[str, Any], name: str) -> str:
    """The text or number under `name`, "" where there is none. JSON may hold half characters: they are replaced."""
    value = holder.get(name)
    text = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def origins(provider: str) -> dict[str, str]:
    """Of a report that its provider made: it said all of it."""
    return dict.fromkeys(("recipient", "action", "status", "reply_code", "diagnostic"), provider)


def token_in(metadata: Mapping[str, Any]) -> str:
    """Our delivery token among what the provider kept for us of the mail; not verified."""
    return string_of(metadata, METADATA)


def token_among(headers: object) -> str:
    """Our delivery token among headers of the mail, listed as objects of `name` and `value`; not verified."""
    listed = [one for one in headers if isinstance(one, dict)] if isinstance(headers, list) else []
    ours = (one for one in listed if string_of(one, "name").lower() == DELIVERY_TOKEN.lower())
    return next((string_of(one, "value") for one in ours), "")


def message_id_in(text: str) -> str:
    """A Message-ID with its angle brackets, however the provider writes it; "" where it is none."""
    return f"<{text.strip('<> ')}>" if "@" in text else ""
