"""What becomes of a look at the queue of which a part fails: who is stopped by it, and who is not."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from tests.outbound.conftest import Outbox

from answerback.core import clock
from answerback.outbound import claims, lifecycle
from answerback.outbound.models import Attempt, Delivery, Lane

DOMAINS = ("a.test", "broken.test", "c.test")


@pytest.fixture
def rows(outbox: Outbox, settings: object) -> dict[str, Delivery]:
    """A mail that waits for each of the domains, which are lanes of their own."""
    settings.RELAY_URL = "mx:25"  # type: ignore[attr-defined]
    found = {domain: outbox()[0] for domain in DOMAINS}
    for domain, row in found.items():
        Delivery.objects.filter(pk=row.pk).update(destination=domain)
    return found


def taken() -> list[str]:
    return [claim.destination for claim in claims.take("host:1", "", plenty).claims if claim.destination in DOMAINS]


def plenty(destination: str, lane: Lane | None) -> int:
    return 10 if destination in DOMAINS else 0


def break_claims_of(row: Delivery) -> None:
    """An attempt of that number is noted already: a second one of it the database refuses."""
    Attempt.objects.create(delivery=row, number=1, owner="host:2", started_at=clock.now())


@pytest.mark.parametrize("rate", ["", "100/hour"])
def test_what_is_wrong_with_a_row_stops_its_own_lane(
    rows: dict[str, Delivery], caplog: pytest.LogCaptureFixture, rate: str
) -> None:
    Lane.objects.create(destination="broken.test", rate=rate, updated_at=clock.now())
    break_claims_of(rows["broken.test"])
    assert taken() == ["a.test", "c.test"]
    waiting = Delivery.objects.get(pk=rows["broken.test"].pk)
    assert (waiting.state, waiting.owner, waiting.attempts) == ("queued", "", 0)
    assert waiting.next_attempt_at is not None
    assert [record.getMessage() for record in caplog.records if record.exc_info] == [
        "mail cannot be claimed for broken.test"
    ]
    assert taken() == [], "and the next look goes on as well"
    Attempt.objects.filter(owner="host:2").delete()
    assert taken() == ["broken.test"]


def test_a_surprise_of_our_own_stops_its_lane_too(rows: dict[str, Delivery], monkeypatch: pytest.MonkeyPatch) -> None:
    stub(monkeypatch, {rows["broken.test"].pk: RuntimeError("changed although it was locked")})
    assert taken() == ["a.test", "c.test"]


def test_where_nobody_could_work_nobody_tries(rows: dict[str, Delivery], monkeypatch: pytest.MonkeyPatch) -> None:
    asked = stub(monkeypatch, {rows["a.test"].pk: OperationalError("the connection is lost")})
    with pytest.raises(OperationalError):
        taken()
    assert asked == [rows["a.test"].pk]
    assert not Delivery.objects.filter(state="sending").exists()


def test_what_is_claimed_is_carried_although_the_database_goes_away_then(
    rows: dict[str, Delivery], monkeypatch: pytest.MonkeyPatch
) -> None:
    break_claims_of(rows["broken.test"])
    asked = stub(monkeypatch, {rows["c.test"].pk: OperationalError("the connection is lost")})
    assert taken() == ["a.test"]
    assert asked[-1] == rows["c.test"].pk


def stub(monkeypatch: pytest.MonkeyPatch, errors: dict[int, Exception]) -> list[int]:
    """Claims of these deliveries fail so. Gives the deliveries that are asked for, as they come."""
    asked: list[int] = []
    claim = lifecycle.claim

    def failing(delivery_ids: Collection[int], owner: str, lease_until: datetime) -> dict[int, int]:
        asked.extend(delivery_ids)
        for delivery_id in delivery_ids:
            if error := errors.get(delivery_id):
                raise error
        return claim(delivery_ids, owner, lease_until)

    monkeypatch.setattr(lifecycle, "claim", failing)
    return asked


def test_where_all_is_well_one_transaction_is_enough(rows: dict[str, Delivery]) -> None:
    with CaptureQueriesContext(connection) as asked:
        assert taken() == list(DOMAINS)
    assert sum(query["sql"].startswith("SAVEPOINT") for query in asked) == 1
