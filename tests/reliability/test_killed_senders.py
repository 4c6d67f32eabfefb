"""Senders are killed at random instants and at each stage of a mail, or stopped for longer than their leases.

Nothing is lost, nothing is recorded that was not said, and a second copy is the same message. A long run is
`python -m benchmarks.kills`; what it showed is in docs/reliability.md.
"""

from __future__ import annotations

import pytest

from tests.outbound.hop import STAGES
from tests.reliability.installation import Installation
from tests.reliability.killing import SESSIONS, kill_at_random, kill_at_stages, stop_past_the_lease
from tests.reliability.outbox import errors

pytestmark = pytest.mark.both_databases


def test_killed_at_random(installation: Installation) -> None:
    ran = kill_at_random(installation, number=90, kills=8)
    assert errors(ran.wanted, ran.books, ran.rows) == []
    assert ran.kills == 8


def test_killed_at_each_stage_of_a_mail(installation: Installation) -> None:
    ran = kill_at_stages(installation, times=1)
    assert errors(ran.wanted, ran.books, ran.rows) == []
    assert ran.kills == len(STAGES)


def test_stopped_for_longer_than_the_lease(installation: Installation) -> None:
    slept = stop_past_the_lease(installation, number=30)
    rows = {row["recipient"]: row for row in slept.rows_before}
    in_flight = rows[slept.in_flight]
    assert (in_flight["attempts"], in_flight["state"], in_flight["smtp_code"]) == (2, "failed", 550)
    assert all(row["ambiguous"] for row in rows.values() if row["attempts"] > 1)
    assert slept.ran.rows == slept.rows_before, "what its successor heard stands"
    assert len(slept.ran.books.kept) - slept.kept_before <= SESSIONS, "at most the message that each session was at"
