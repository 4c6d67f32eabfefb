"""When a call has arrived, when it is tried again, and when it is given up.

Policy: 2xx has arrived. What may pass by itself is tried again ten times within a day, ever more slowly: silence,
a broken connection, 5xx, and the three answers of the 4xx that say "not now" (408, 409, 429). Every other answer is a
refusal that the same words would meet again, a redirect included: we never go where somebody else points. A
Retry-After is obeyed where it asks for more time than we would take. An address that we must not call is refused.

A webhook that nothing has reached for three days, and that has given up several calls since, is switched off.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

MINUTE, HOUR = 60, 3600
# seconds after the first, the second … attempt; after the last there is none
DELAYS = (30, 2 * MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR, 8 * HOUR)
MOST_ATTEMPTS = len(DELAYS) + 1
LONGEST_WAIT = timedelta(days=1)  # whatever a Retry-After asks for
NOT_NOW = {408, 409, 429}
FORBIDDEN = "forbidden_address"  # the error of an address that we must not call

FAILS_FOR = timedelta(days=3)
FAILS_OFTEN = 3  # calls given up


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one attempt. `status` None: nobody answered, and `error` says why."""

    status: int | None = None
    response: str = ""
    error: str = ""
    retry_after: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Verdict:
    arrived: bool
    next_attempt_at: datetime | None = None  # None without `arrived`: given up


def judge(answer: Answer, attempts: int, now: datetime) -> Verdict:
    """`attempts`: how many there were, this one included."""
    if answer.status is not None and 200 <= answer.status < 300:
        return Verdict(arrived=True)
    if attempts >= MOST_ATTEMPTS or not _may_pass(answer):
        return Verdict(arrived=False)
    wait = max(timedelta(seconds=DELAYS[attempts - 1]), asked_for(answer.retry_after, now))
    return Verdict(arrived=False, next_attempt_at=now + min(wait, LONGEST_WAIT))


def asked_for(retry_after: str, now: datetime) -> timedelta:
    """Seconds or a date (RFC 9110 §10.2.3). What is neither asks for nothing."""
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return timedelta(seconds=min(int(text[:9]), LONGEST_WAIT.total_seconds()))
    try:
        return max(parsedate_to_datetime(text) - now, timedelta(0))
    except (TypeError, ValueError):  # a date without zone cannot be compared
        return timedelta(0)


def is_broken(failing_since: datetime | None, given_up: int, now: datetime) -> bool:
    """`given_up`: calls since then."""
    return failing_since is not None and now - failing_since >= FAILS_FOR and given_up >= FAILS_OFTEN


def _may_pass(answer: Answer) -> bool:
    if answer.status is None:
        return answer.error != FORBIDDEN
    return answer.status >= 500 or answer.status in NOT_NOW
