"""The disk is full for a while: what comes in hears 452, sending stops, and all goes on by itself.

A long run is `python -m benchmarks.kills disk`; what it showed is in docs/reliability.md.
"""

from __future__ import annotations

from tests.reliability import inbox, outbox
from tests.reliability.full_disk import Limited, fill_disk
from tests.reliability.installation import Installation


def test_mail_goes_on_when_there_is_space_again(installation: Installation) -> None:
    ran = fill_disk(installation, Limited(), number=60, times=1)
    assert outbox.errors(ran.wanted, ran.books, ran.rows) == []
    assert inbox.errors(ran.inbox) == []
    assert "outcomes cannot be stored, sending stops" in installation.log.read_text()
