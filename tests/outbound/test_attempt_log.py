"""The log tells each attempt in one line."""

from __future__ import annotations

import logging

import pytest
from tests.outbound.hop import Hop
from tests.outbound.test_engine import answer_to, send_all

from answerback.outbound import attempt_log
from answerback.outbound.models import Attempt
from answerback.outbound.told import Outcome
from mailroom.report import Action, DeliveryReport, Stage
from mailroom.status import EnhancedStatus

LATER = DeliveryReport(
    "clara@customer.test",
    Action.FAILED,
    reply_code=451,
    status=EnhancedStatus(4, 7, 1),
    diagnostic="451 4.7.1 <clara@customer.test> greylisted, try again in 300 seconds",
    remote_mta="mx.customer.test",
    stage=Stage.RCPT,
    retry_after=300,
)
LINE = (
    "delivery=812 attempt=2 outcome=deferred stage=rcpt smtp_code=451 enhanced_code=4.7.1 "
    "remote_mta=mx.customer.test retry_after=300"
)


def test_a_line_holds_ids_codes_and_hosts(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    attempt_log.note(Outcome(812, LATER, "me", 2))
    [record] = caplog.records
    assert record.getMessage() == LINE
    assert record.fields["retry_after"] == 300  # type: ignore[attr-defined]


@pytest.mark.django_db(transaction=True)
async def test_every_attempt_is_told(settings: object, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "answerback.outbound.attempt_log")
    async with Hop() as hop:
        settings.RELAY_URL = hop.url  # type: ignore[attr-defined]
        await answer_to("ok@c.test", "550@c.test", "451@c.test")
        await send_all()
    told = [record.fields for record in caplog.records if record.name == "answerback.outbound.attempt_log"]  # type: ignore[attr-defined]
    made = {(row.delivery_id, row.number, row.outcome) async for row in Attempt.objects.all()}
    assert sorted((line["delivery"], line["attempt"], line["outcome"]) for line in told) == sorted(made)
    assert {line["outcome"] for line in told} == {"accepted", "failed", "deferred"}
    assert "@c.test" not in caplog.text
