"""Enhanced mail system status codes (RFC 3463): `class.subject.detail`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

# Each field at most three digits and no leading zeros (RFC 3463 §2).
_CODE = re.compile(r"(?<![\d.])([245])\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})(?![\d]|\.\d)")


@dataclass(frozen=True, slots=True)
class EnhancedStatus:
    """An enhanced status such as 5.1.1. `str()` gives the dotted form."""

    class_: int
    subject: int
    detail: int

    def __str__(self) -> str:
        return f"{self.class_}.{self.subject}.{self.detail}"

    @property
    def permanent(self) -> bool:
        return self.class_ == 5

    @classmethod
    def parse(cls, text: str) -> EnhancedStatus | None:
        """The status that `text` consists of, spaces and a trailing comment aside; None where it is not one."""
        match = _CODE.match(text.strip())
        return _status(match[0]) if match else None

    @classmethod
    def find(cls, text: str) -> EnhancedStatus | None:
        """The first status inside `text`, or None. IP addresses and version numbers are not statuses."""
        match = _CODE.search(text)
        return _status(match[0]) if match else None


@lru_cache(maxsize=512)
def _status(dotted: str) -> EnhancedStatus:
    """There are few, and they are read in every reply."""
    return EnhancedStatus(*map(int, dotted.split(".")))
