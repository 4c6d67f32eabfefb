"""Headers of the returned original: the only place where our own X- headers count (architecture.md, "tricked by")."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

MAX_HEADERS: Final = 500
DELIVERY_TOKEN: Final = "x-answerback-delivery"  # noqa: S105 (a header name)
_FIELD = re.compile(r"([!-9;-~]{1,80}):[ \t]*(.*)")


@dataclass(frozen=True, slots=True)
class Original:
    """The headers as they came back, names in lower case, each with its values from the top."""

    headers: dict[str, list[str]] = field(default_factory=dict)

    def header(self, name: str) -> str:
        """The first value, unfolded; "" where the header did not come back."""
        values = self.headers.get(name.lower())
        return values[0] if values else ""

    @property
    def delivery_tokens(self) -> list[str]:
        return [value for value in self.headers.get(DELIVERY_TOKEN, []) if value]


def read_original(text: str) -> Original:
    """The header block at the start of `text`. Lines that are no header are passed over, a blank line ends it."""
    headers: dict[str, list[str]] = {}
    current: list[str] | None = None
    for line in text.lstrip("\n").split("\n", MAX_HEADERS * 10)[: MAX_HEADERS * 10]:
        if not line.strip():
            break
        if line[0] in " \t":
            if current:
                current[-1] = f"{current[-1]} {line.strip()}"[:4000]
            continue
        match = _FIELD.match(line)
        current = None
        if match and len(headers) < MAX_HEADERS:
            current = headers.setdefault(match[1].lower(), [])
            current.append(match[2].strip()[:4000])
    return Original(headers)
