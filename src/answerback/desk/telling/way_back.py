"""The way back is proven at set-up and then daily, and the admins hear where that fails.

Policy: told is what is news. One notice and one mail tell that reports do not reach us, one notice that a probe proves
nothing; the same again is told again only after something else was known. Once reports come, the notices are struck.
A mail about it is mail to agents: when it does not arrive, no ticket has failed and no further mail is written.
"""

from __future__ import annotations

from django.db import transaction

from answerback.desk.telling import notices, way_back_mail
from answerback.outbound import way_back
from answerback.outbound.models import Probe

Result = Probe.Result
_NEWS = frozenset({Result.MISSING, Result.REFUSED, Result.ARRIVED})


def prove() -> int:
    """Send a probe where one is due, conclude those that came to an end. Gives how many ended."""
    way_back.start_due()
    if not way_back.is_any_open():
        return 0
    with transaction.atomic():
        ended = way_back.look()
        for probe in ended:
            _tell(probe)
    return len(ended)


def _tell(probe: Probe) -> None:
    if probe.result == Result.RETURNED:
        notices.settle_way_back()
        return
    before = way_back.previous(probe)
    if probe.result not in _NEWS or (before and before.result == probe.result):
        return
    notices.tell_way_back(probe.pk, probe.result)
    if probe.result == Result.MISSING:
        way_back_mail.send(probe)
