"""What the recorder does where the database refuses an outcome, or is away."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from django.db import IntegrityError, OperationalError

from answerback.core.db import DatabaseThread
from answerback.outbound import lifecycle, recorder
from answerback.outbound.claims import Lease
from answerback.outbound.recorder import Recorder
from answerback.outbound.told import Outcome
from mailroom.report import Action, DeliveryReport

ACCEPTED = DeliveryReport("", Action.RELAYED, reply_code=250)


async def test_a_database_that_goes_while_outcomes_are_written_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are kept, sending stops, and all goes on by itself."""
    answers: list[Exception | None] = [IntegrityError("one of them"), None, OperationalError("disk is full"), None]
    written: list[list[int]] = []

    def record(outcomes: Sequence[Outcome]) -> None:
        if answer := answers.pop(0):
            raise answer
        written.append([outcome.delivery_id for outcome in outcomes])

    monkeypatch.setattr(lifecycle, "record", record)
    monkeypatch.setattr(recorder, "RETRY_SECONDS", 0.01)
    database, stored = DatabaseThread("test"), list[Lease]()
    one = Recorder(database, stored.extend, lambda: 2)
    running = asyncio.create_task(one.run())
    settled = [one.add(Outcome(number, ACCEPTED)) for number in (1, 2)]
    await asyncio.wait_for(one.sick.wait(), 5)
    await asyncio.wait_for(asyncio.gather(*settled), 5)
    assert await one.drain(5)
    assert (stored, written) == ([Lease(1, 0), Lease(2, 0)], [[1], [2]])
    assert one.healthy.is_set()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await database.close()
