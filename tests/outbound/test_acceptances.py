"""A group of acceptances ends in the same rows as each of them alone, however a delivery stands meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection, connections, models, transaction
from django.test.utils import CaptureQueriesContext
from tests.outbound.conftest import Outbox

from answerback.core import clock, db
from answerback.core.models import LiveChange
from answerback.outbound import acceptances, lanes, lifecycle, told
from answerback.outbound.models import Attempt, Delivery, DeliveryEvent, Lane
from answerback.outbound.told import Outcome
from mailroom.report import Action, DeliveryReport, Scope, Stage
from mailroom.status import EnhancedStatus

OWNER = "host:1:2:3:4:5"
TAKEN = DeliveryReport(
    "clara@customer.test",
    Action.RELAYED,
    reply_code=250,
    status=EnhancedStatus(2, 0, 0),
    diagnostic="250 2.0.0 Ok: queued as 4c5e913",
    remote_mta="mx.customer.test",
    stage=Stage.DOT,
)
REFUSED = TAKEN._replace(action=Action.FAILED, permanent=True, reply_code=550, scope=Scope.RECIPIENT)
LOGIN_REFUSED = DeliveryReport(
    "", Action.FAILED, reply_code=535, scope=Scope.SITE, stage=Stage.AUTH, ours=True, diagnostic="535 no"
)
WORDS = {
    "as Postfix says it": TAKEN,
    "without an enhanced code": TAKEN._replace(status=None, diagnostic="250 OK"),
    "without any code": TAKEN._replace(reply_code=None, status=None, diagnostic=""),
    "what a database refuses": TAKEN._replace(diagnostic="250 a\0b\udc80c %s {told} '", remote_mta="x" * 500),
    "of many lines": TAKEN._replace(diagnostic="250-first\n250 last\n" + "ü" * 9000),
    "delivered at once": TAKEN._replace(action=Action.DELIVERED, stage=None),
    "after a doubt": TAKEN._replace(ambiguous=True),
}
STANDS: dict[str, dict[str, Any]] = {
    "as claimed": {},
    "tried before, with doubt": {"ambiguous": True, "cause": "greylisted", "diagnostic": "451 later", "smtp_code": 451},
    "late already": {"delay_warned": True},
    "waited for us": {"waiting_since": clock.now() - timedelta(hours=1), "ours": True},
    "somebody else's by now": {"owner": "another"},
    "at another attempt": {"attempts": 2},
    "a report was quicker": {"state": "failed", "owner": "", "lease_until": None, "cause": "mailbox_full"},
}


@pytest.fixture
def claimed(outbox: Outbox) -> list[Delivery]:
    rows = [row for _ in range(2) for row in outbox()]
    lifecycle.claim([row.pk for row in rows], OWNER, clock.now() + timedelta(minutes=15))
    return rows


def written(outcomes: Sequence[Outcome]) -> list[Any]:
    """What recording them leaves behind, and no trace of it in the database."""
    with transaction.atomic():
        LiveChange.objects.all().delete()
        lifecycle.record(outcomes)
        topics = sorted(LiveChange.objects.values_list("topic", flat=True).distinct())
        found = [topics, *(_rows(model) for model in (Delivery, Attempt, DeliveryEvent, Lane))]
        transaction.set_rollback(True)
    return found


def _rows(model: type[models.Model]) -> list[Any]:
    order = ("delivery_id", "pk") if model is DeliveryEvent else ("pk",)
    left_out = ("id",) if model is DeliveryEvent else ()
    return [
        {name: value for name, value in row.items() if name not in left_out}
        for row in model._default_manager.order_by(*order).values()
    ]


def one_by_one(monkeypatch: pytest.MonkeyPatch, outcomes: Sequence[Outcome]) -> list[Any]:
    with monkeypatch.context() as patch:
        patch.setattr(acceptances, "among", lambda told: acceptances.Group([], []))
        return written(outcomes)


@pytest.mark.parametrize("stand", STANDS)
@pytest.mark.parametrize("words", WORDS)
def test_as_one_by_one(claimed: list[Delivery], monkeypatch: pytest.MonkeyPatch, words: str, stand: str) -> None:
    Delivery.objects.filter(pk=claimed[1].pk).update(**STANDS[stand])
    outcomes = [
        Outcome(row.pk, WORDS[words], OWNER, 1, next_hop_is_final=bool(number % 2))
        for number, row in enumerate(claimed)
    ]
    with time_machine.travel(clock.now(), tick=False):
        assert written(outcomes) == one_by_one(monkeypatch, outcomes)


@pytest.mark.parametrize("beside", ["a refusal", "the same delivery", "a fault of ours", "trouble of before"])
def test_beside_others(claimed: list[Delivery], monkeypatch: pytest.MonkeyPatch, beside: str) -> None:
    outcomes = [Outcome(row.pk, TAKEN, OWNER, 1) for row in claimed]
    if beside == "a refusal":
        outcomes[2] = Outcome(claimed[2].pk, REFUSED, OWNER, 1)
    elif beside == "the same delivery":
        outcomes.insert(1, Outcome(claimed[2].pk, REFUSED, OWNER, 0))
    elif beside == "a fault of ours":
        outcomes[0] = Outcome(claimed[0].pk, LOGIN_REFUSED, OWNER, 1)
    else:
        lanes.begin_trouble(claimed[0].destination, "535 no", "relay_login", clock.now())
    with time_machine.travel(clock.now(), tick=False):
        assert written(outcomes) == one_by_one(monkeypatch, outcomes)


def test_what_is_deleted_meanwhile_keeps_nobody_else(claimed: list[Delivery]) -> None:
    claimed[0].delete()
    lifecycle.record([Outcome(pk, TAKEN, OWNER, 1) for pk in (claimed[1].pk, claimed[0].pk or 0, claimed[2].pk)])
    assert Delivery.objects.filter(state="accepted").count() == 2


def test_a_group_costs_as_many_statements_as_one(claimed: list[Delivery]) -> None:
    """And does not fall back to one by one without need."""

    def statements(rows: Sequence[Delivery]) -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            lifecycle.record([Outcome(row.pk, TAKEN, OWNER, 1) for row in rows])
        return len(queries)

    assert statements(claimed[:1]) == statements(claimed[1:])
    assert Delivery.objects.filter(state="accepted").count() == len(claimed)


@pytest.mark.django_db
@pytest.mark.parametrize("more", [{"raw_mail_id": 7}, {"match": "return_path"}, {"report": REFUSED}])
def test_what_is_more_than_an_acceptance_is_left_to_the_rest(more: dict[str, Any]) -> None:
    plain: dict[str, Any] = {"delivery_id": 1, "report": TAKEN, "owner": OWNER, "attempt": 1}
    group = acceptances.among(told.read([Outcome(**plain), Outcome(**(plain | {"delivery_id": 2} | more))]))
    assert group.delivery_ids == {1}


@pytest.mark.django_db(transaction=True)
def test_nobody_waits_in_a_circle(outbox: Outbox) -> None:
    """The rows of a group are locked in their order, whichever of them are acceptances."""
    if not db.is_postgresql():
        pytest.skip("on SQLite one transaction writes at a time")
    low, high = outbox()
    lifecycle.claim([low.pk, high.pk], OWNER, clock.now() + timedelta(minutes=15))
    begun = threading.Event()

    def other() -> None:
        with transaction.atomic():
            db.lock("outbound_delivery", [low.pk])
            begun.set()
            time.sleep(0.3)
            db.lock("outbound_delivery", [high.pk])
        connections.close_all()

    thread = threading.Thread(target=other)
    thread.start()
    begun.wait()
    lifecycle.record([Outcome(high.pk, TAKEN, OWNER, 1), Outcome(low.pk, REFUSED, OWNER, 1)])
    thread.join()
    assert list(Delivery.objects.order_by("pk").values_list("state", flat=True)) == ["failed", "accepted"]
