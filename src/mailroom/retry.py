"""When to try again, and when to give up: pure arithmetic.

Policy (RFC 5321 §4.5.4.1): the first retry comes after five minutes, then ever later, up to every four hours. Chance
adds up to a tenth, never takes away, so that a thousand mails deferred together do not come back together. A server
that says "try again in N" is obeyed: we never come earlier, and at the first attempts we also come as early as it says.
A delivery that nobody would take for five days has failed; after four hours its sender is told of the delay. Time in
which the fault was ours (login refused, relay down, disk full) does not count against the recipient.

All durations are seconds. Time and chance come in as arguments.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

DEFAULT_SCHEDULE: Sequence[int] = (300, 600, 1200, 2400, 4800, 9600, 14400)
DEFAULT_EXPIRE_AFTER = 5 * 24 * 3600
DEFAULT_DELAY_WARNING_AFTER = 4 * 3600

MAX_JITTER = 0.1  # of the delay
LONGEST_RETRY_AFTER = 4 * 3600  # a server that asks for more is asked again all the same
SHORTEST_RETRY_AFTER = 60
# A server that always says "in one minute" would otherwise be asked 7,000 times before expiry.
EARLY_ATTEMPTS = 3


def next_delay(attempts: int, schedule: Sequence[int], retry_after: int | None, jitter: float) -> int:
    """Seconds from the end of attempt number `attempts` (1 is the first) to the next one.

    `schedule` has at least one step, the last one repeats; `retry_after` is what the server asked for, if anything;
    `jitter` from 0 to 1 is chance.
    """
    step = schedule[min(max(attempts, 1), len(schedule)) - 1]
    delay = step if retry_after is None else _obeyed(retry_after, attempts, step, schedule[0])
    return int(delay * (1 + MAX_JITTER * jitter))


def _obeyed(retry_after: int, attempts: int, step: int, first_step: int) -> int:
    latest = max(LONGEST_RETRY_AFTER, step)
    earliest = min(SHORTEST_RETRY_AFTER, first_step) if attempts <= EARLY_ATTEMPTS else step
    return min(max(retry_after, earliest), latest)


def waited(queued_at: datetime, now: datetime, paused: int = 0, paused_since: datetime | None = None) -> int:
    """Seconds that the recipient's side has had so far.

    `paused` seconds of earlier faults of ours, and the time since `paused_since` (a fault of ours that still lasts),
    do not count. A clock that was set back gives 0, never a negative number.
    """
    counted_until = now if paused_since is None else min(now, paused_since)
    return max(0, int((counted_until - queued_at).total_seconds()) - paused)


def may_expire(
    queued_at: datetime,
    now: datetime,
    paused: int = 0,
    paused_since: datetime | None = None,
    expire_after: int = DEFAULT_EXPIRE_AFTER,
) -> bool:
    """Whether a delivery that is still refused has been tried long enough. Never while the fault is ours."""
    return paused_since is None and waited(queued_at, now, paused) >= expire_after


def may_warn(
    queued_at: datetime,
    now: datetime,
    paused: int = 0,
    paused_since: datetime | None = None,
    warn_after: int = DEFAULT_DELAY_WARNING_AFTER,
) -> bool:
    """Whether the sender should be told that a delivery is late."""
    return waited(queued_at, now, paused, paused_since) >= warn_after


_UNIT_SECONDS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds", "sek", "sekunde", "sekunden"), 1),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes", "minuten"), 60),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours", "std", "stunde", "stunden"), 3600),
    **dict.fromkeys(("d", "day", "days", "tag", "tage", "tagen"), 86400),
}
# ASCII: without it "ſ" (LONG S) matches the s of a unit, and the table does not know it.
_DURATION = re.compile(rf"(?P<number>\d{{1,6}})[ \t-]?(?P<unit>{'|'.join(_UNIT_SECONDS)})\b", re.IGNORECASE | re.ASCII)
_CLOCK = re.compile(r"(?<![\d:])(?P<hours>\d{1,2}):(?P<minutes>\d\d):(?P<seconds>\d\d)(?![\d:])")
# What must stand right before the duration; a rate ("100 mails per 60 minutes") is no waiting time.
_LEAD = re.compile(
    r"(?:\b(?:in|after|for|wait|least|about|another|next|nach|warten|sie|noch|etwa|ca)\b[.:~ \t]*|[=:][ \t]*)$",
    re.IGNORECASE,
)
_AGAIN = re.compile(
    r"\b(?:again|back|wait|re-?try(?:ing)?|retry-after|later|gr[ae]y-?list(?:ed|ing)?|delay(?:ed)?"
    r"|erneut|wieder|warten|später|nochmals?|wiederholen)\b",
    re.IGNORECASE,
)
_NEAR = 80  # characters between the duration and the word that says what it is for
_JOINED = re.compile(r"[ ,]*(?:(?:and|und)[ ]+)?", re.IGNORECASE)


def read_retry_after(text: str) -> int | None:
    """The seconds of "try again in N" in a reply, English or German; None where it names no time.

    Only a duration is read, not a time of day, and only close to words that speak of coming back.
    """
    text = text[:2048]
    for start, end, seconds in _durations(text):
        near = text[max(0, start - _NEAR) : end + _NEAR]
        if _LEAD.search(text[max(0, start - 12) : start]) and _AGAIN.search(near):
            return seconds
    return None


def _durations(text: str) -> list[tuple[int, int, int]]:
    """(start, end, seconds) of each duration; "4 minutes and 30 seconds" is one."""
    found: list[tuple[int, int, int]] = []
    for match in _DURATION.finditer(text):
        seconds = int(match["number"]) * _UNIT_SECONDS[match["unit"].lower()]
        if found and _JOINED.fullmatch(text, found[-1][1], match.start()):
            start, _, before = found.pop()
            found.append((start, match.end(), before + seconds))
        else:
            found.append((match.start(), match.end(), seconds))
    for match in _CLOCK.finditer(text):
        seconds = int(match["hours"]) * 3600 + int(match["minutes"]) * 60 + int(match["seconds"])
        found.append((match.start(), match.end(), seconds))
    return found
