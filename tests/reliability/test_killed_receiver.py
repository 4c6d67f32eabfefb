"""The receiver is killed while mail comes in: what was acknowledged is stored once, and read once.

A long run is `python -m benchmarks.kills receiver`; what it showed is in docs/reliability.md.
"""

from __future__ import annotations

import pytest

from tests.inbound.dovecot import running_dovecot
from tests.reliability.inbox import errors, kill_receiver
from tests.reliability.installation import Installation

pytestmark = pytest.mark.both_databases


def test_mail_by_smtp_and_imap_while_the_receiver_is_killed(installation: Installation) -> None:
    with running_dovecot() as dovecot:
        inbox = kill_receiver(installation, mails=24, kills=4, dovecot=dovecot, laid=12)
    assert errors(inbox) == []
    assert len(inbox.acknowledged) >= 24
    assert inbox.kills == 4
