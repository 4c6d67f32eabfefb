"""Log lines: as text for people, or for machines one JSON object a line, whatever is in the text.

Policy: no line holds a secret of ours. The values that settings keep secret are masked wherever they turn up, also in a
traceback, and so is the password of any address of the form `scheme://user:password@host`.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import parse_qsl, unquote, urlsplit

from django.conf import settings

# No line of ours names them, and to find them out takes a third of a line's time (Python's "Logging HOWTO").
logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False

MASK = "•••"
SHORTEST_SECRET = 6  # shorter ones stand in too many words
_PASSWORD_IN_URL = re.compile(r"(?<=://)([^\s/:@]*):[^\s/@]+(?=@)")
_SECRET_NAMES = ("secret", "token", "password")


class Lines(logging.Formatter):
    """Text for people."""

    def format(self, record: logging.LogRecord) -> str:
        return mask(super().format(record))


class JsonLines(logging.Formatter):
    """time (UTC), level, logger, message, what `extra={"fields": {…}}` adds, and `traceback` where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": mask(record.getMessage()),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["traceback"] = mask(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=True)


def mask(text: str) -> str:
    """The text without our secrets."""
    urls = (settings.RELAY_URL, settings.IMAP_URLS)
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    known = _pattern_of(urls, (*keys, settings.METRICS_TOKEN, *settings.EVENT_SECRETS.values()))
    text = known.sub(MASK, text) if known else text
    return _PASSWORD_IN_URL.sub(rf"\1:{MASK}", text) if "://" in text else text


@lru_cache(maxsize=4)
def _pattern_of(urls: tuple[str, ...], values: tuple[str, ...]) -> re.Pattern[str] | None:
    found = {*values, *(secret for text in urls for url in text.split() for secret in _secrets_in(url))}
    found |= {part for value in values for part in value.partition(":")[2:]}  # `user:password`
    long = sorted((secret for secret in found if len(secret) >= SHORTEST_SECRET), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, long))) if long else None


def _secrets_in(url: str) -> Iterator[str]:
    """As they are written there, and as they are meant."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return
    if parts.password:
        yield from (parts.password, unquote(parts.password))
    for name, value in parse_qsl(parts.query):
        if any(word in name.lower() for word in _SECRET_NAMES):
            yield value
