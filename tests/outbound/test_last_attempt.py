"""What each outcome of the chaos matrix makes of a delivery: at its first attempt, and at the last before expiry.

Reports come from the client's own error policy, so that a stage or fault added there is judged here as well.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from tests.outbound.conftest import Outbox

from answerback.core import clock
from answerback.outbound import lifecycle
from answerback.outbound.models import Attempt, Delivery
from answerback.outbound.told import Outcome
from mailroom.report import DeliveryReport, Stage
from mailroom.smtp.reply import Reply
from mailroom.smtp.trouble import STAGES, Fault, Trouble, accepted, report

HOST = "mx.customer.test[192.0.2.1]"
ATTEMPTS = {"first": timedelta(seconds=1), "last": timedelta(days=5, seconds=1)}  # EXPIRE_AFTER is five days
SILENT = (Fault.LOST, Fault.TIMEOUT, Fault.GARBAGE)


def refused(stage: Stage, code: int, by_relay: bool) -> DeliveryReport:
    words = f"{code} {code // 100}.3.0 the words"
    return report(Trouble(stage, reply=Reply(code, (words,)), remote=HOST), by_relay=by_relay)


def unanswered(stage: Stage, fault: Fault, by_relay: bool) -> DeliveryReport:
    return report(Trouble(stage, fault=fault, detail="the detail", remote=HOST), by_relay=by_relay)


CASES = [
    *(
        refused(stage, code, by_relay)
        for stage in STAGES
        for code in (421, 451, 535, 554)
        for by_relay in (True, False)
    ),
    *(unanswered(stage, fault, by_relay) for stage in STAGES for fault in SILENT for by_relay in (True, False)),
    *(unanswered(Stage.MAIL, fault, by_relay=False) for fault in Fault if fault not in SILENT),
    accepted(Reply(250, ("250 2.0.0 taken",)), "", HOST),
]


def expected(said: DeliveryReport, attempt: str) -> str:
    """The state: final words count at once, others once it has been tried long enough, our own faults never."""
    if said.reply_code == 250:
        return "accepted"
    if said.permanent or (attempt == "last" and not said.ours):
        return "failed"
    return "deferred"


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_every_outcome_at_the_first_and_at_the_last_attempt(attempt: str, outbox: Outbox) -> None:
    [sample, _] = outbox()
    fields = {field.attname: getattr(sample, field.attname) for field in Delivery._meta.concrete_fields}
    del fields["id"]
    # each in a lane of its own: a fault of ours in one must not stop the clocks of the others
    rows = Delivery.objects.bulk_create(
        Delivery(**fields | {"destination": f"d{number}.test"}) for number in range(len(CASES))
    )
    with time_machine.travel(sample.queued_at + ATTEMPTS[attempt], tick=False):
        attempts = lifecycle.claim([row.pk for row in rows], "host:1", clock.now() + timedelta(minutes=15))
        lifecycle.record(
            [Outcome(row.pk, said, "host:1", attempts[row.pk]) for row, said in zip(rows, CASES, strict=True)]
        )
        now = clock.now()
    after = Delivery.objects.in_bulk([row.pk for row in rows])
    for row, said in zip(rows, CASES, strict=True):
        row = after[row.pk]
        assert row.state == expected(said, attempt), said
        assert (row.smtp_code, row.enhanced_code) == (said.reply_code, str(said.status or ""))
        assert (row.diagnostic, row.remote_mta) == (said.diagnostic, HOST)
        assert row.ambiguous == said.ambiguous, "kept also where nothing more is tried"
        assert (row.next_attempt_at is not None) == (row.state == "deferred")
        assert (row.failed_at == now) == (row.state == "failed")
        assert bool(row.cause) == (row.state != "accepted"), "a failure has a reason in words"
        tried = Attempt.objects.get(delivery=row)
        assert (tried.number, tried.stage, tried.ambiguous) == (1, said.stage, said.ambiguous)
        assert (tried.smtp_code, tried.diagnostic, tried.finished_at) == (said.reply_code, said.diagnostic, now)
