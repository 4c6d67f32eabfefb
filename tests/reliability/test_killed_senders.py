"""Senders are killed at random instants and at each stage of a mail, or stopped for longer than their leases.

Nothing is lost, nothing is recorded that was not said, and a second copy is the same message. A long run is
`python -m benchmarks.kills`; what it showed is in docs/reliability.md.
"""

from __future__ import annotations

import pytest

from tests.outbound.hop import STAGES
from tests.reliability import stopping
from tests.reliability.installation import Installation
from tests.reliability.killing import kill_at_random, kill_at_stages
from tests.reliability.outbox import errors
from tests.reliability.stopping import stop_past_the_lease

pytestmark = pytest.mark.both_databases


def test_killed_at_random(installation: Installation) -> None:
    ran = kill_at_random(installation, number=90, kills=8)
    assert errors(ran.wanted, ran.books, ran.rows) == []
    assert ran.blows == 8


def test_killed_at_each_stage_of_a_mail(installation: Installation) -> None:
    ran = kill_at_stages(installation, times=1)
    assert errors(ran.wanted, ran.books, ran.rows) == []
    assert ran.blows == len(STAGES)


def test_stopped_for_longer_than_the_lease(installation: Installation) -> None:
    ran = stop_past_the_lease(installation, number=30, stops=1)
    assert stopping.errors(ran) == []
    assert ran.late > 0, "what the sleeper heard was noted beside what stands"
