"""When a webhook call has arrived, when it is tried again, when it is given up: the whole table."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from answerback.desk.calling_webhooks import webhook_policy
from answerback.desk.calling_webhooks.webhook_policy import DELAYS, FORBIDDEN, MOST_ATTEMPTS, Answer, judge

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_2xx_has_arrived(status: int) -> None:
    assert judge(Answer(status), 1, NOW).arrived


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 401, 403, 404, 405, 410, 413, 422, 451])
def test_a_refusal_is_not_repeated(status: int) -> None:
    verdict = judge(Answer(status), 1, NOW)
    assert (verdict.arrived, verdict.next_attempt_at) == (False, None)


@pytest.mark.parametrize(
    "answer",
    [
        *(Answer(status) for status in (408, 409, 429, 500, 502, 503, 504, 599)),
        *(Answer(error=error) for error in ("timeout", "connection refused", "no_such_host")),
    ],
)
def test_what_may_pass_is_tried_again(answer: Answer) -> None:
    assert judge(answer, 1, NOW).next_attempt_at == NOW + timedelta(seconds=30)


def test_an_address_we_must_not_call_is_not_tried_again() -> None:
    assert judge(Answer(error=FORBIDDEN), 1, NOW).next_attempt_at is None


def test_waits_grow_over_about_a_day() -> None:
    waits = [judge(Answer(503), attempt, NOW).next_attempt_at for attempt in range(1, MOST_ATTEMPTS + 1)]
    assert waits[-1] is None, "the last attempt is the last"
    assert [wait and (wait - NOW).total_seconds() for wait in waits[:-1]] == list(DELAYS)
    assert list(DELAYS) == sorted(DELAYS)
    assert timedelta(hours=20) < timedelta(seconds=sum(DELAYS)) < timedelta(hours=28)


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        ("", 30),
        ("5", 30),  # sooner than we would come: no
        ("120", 120),
        ("Mon, 23 Nov 2026 12:10:00 GMT", 600),
        ("Mon, 23 Nov 2026 11:00:00 GMT", 30),  # over already
        ("999999999999", 86400),  # nobody waits longer than a day
        ("Mon, 23 Nov 2026 12:10:00 -0000", 30),  # no zone: cannot be compared
        ("soon", 30),
        ("-5", 30),
    ],
)
def test_retry_after_is_obeyed(retry_after: str, seconds: int) -> None:
    assert judge(Answer(429, retry_after=retry_after), 1, NOW).next_attempt_at == NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("days", "given_up", "broken"), [(None, 9, False), (2, 9, False), (3, 2, False), (3, 3, True), (30, 3, True)]
)
def test_switched_off_after_failing_long_and_often(days: int | None, given_up: int, broken: bool) -> None:
    since = None if days is None else NOW - timedelta(days=days)
    assert webhook_policy.is_broken(since, given_up, NOW) is broken
