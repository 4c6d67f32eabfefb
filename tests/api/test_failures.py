"""Failures across tickets since a time: in order of change, none missed, none twice."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from tests.api.conftest import Call
from tests.world import World, make_world

from answerback.core import clock, db
from answerback.desk.fixing import recover
from answerback.outbound import failure_feed
from answerback.outbound.models import Delivery, FailureChange
from answerback.people.models import Person

UNKNOWN, FULL = "550 5.1.1 User unknown", "552 5.2.2 Mailbox full"


def fail(world: World, person: Person | None = None, said: str = FULL) -> Delivery:
    """An answer on a new ticket that fails."""
    ticket = world.ticket(ccs=[person] if person else [])
    comment = world.answer(ticket)
    delivery = world.delivery_to(person or world.clara, comment)
    world.outcome(delivery, said)
    return delivery


def listed(call: Call, **query: str) -> list[tuple[int, str]]:
    status, body = call("GET", "delivery_failures", **query)
    assert status == 200, body
    return [(row["answerback"]["delivery_id"], row["change"]) for row in body["delivery_failures"]]


def test_what_a_failure_tells(call: Call, world: World) -> None:
    delivery = fail(world, said=UNKNOWN)
    _, body = call("GET", "delivery_failures.json")
    [row] = body["delivery_failures"]
    assert (row["change"], row["open"], row["kind"]) == ("failed", True, "answer")
    assert (row["ticket_id"], row["email_address"]) == (delivery.ticket_id, "clara@customer.test")
    assert row["delivery_status"]["code"] == "550 5.1.1"
    assert row["answerback"]["cause"] == "address_unknown"
    assert row["resolution"] is None
    assert body["meta"]["has_more"] is False


def test_a_failure_moves_to_the_end_when_it_changes(call: Call, world: World) -> None:
    first, second = fail(world), fail(world)
    assert listed(call) == [(first.pk, "failed"), (second.pk, "failed")]
    recover.mark_handled(first.pk, world.ada, "by phone")
    assert listed(call) == [(second.pk, "failed"), (first.pk, "resolved")]
    assert listed(call, state="open") == [(second.pk, "failed")]
    assert listed(call, state="resolved") == [(first.pk, "resolved")]
    _, body = call("GET", "delivery_failures", state="resolved")
    assert body["delivery_failures"][0]["resolution"]["note"] == "by phone"


def test_a_resend_resolves_and_its_bounce_opens_again(call: Call, world: World) -> None:
    first = fail(world)
    [again] = recover.resend([first.pk], world.ada)
    world.outcome(again, "250 Ok")
    assert listed(call) == [(first.pk, "resolved")]
    world.report(again, FULL)
    assert sorted(listed(call)) == [(first.pk, "reopened"), (again.pk, "failed")]
    _, body = call("GET", "delivery_failures")
    assert {row["answerback"]["delivery_id"]: row["resent_as"] for row in body["delivery_failures"]} == {
        first.pk: again.pk,
        again.pk: None,
    }


def test_held_mail_fails_until_it_is_released(call: Call, world: World) -> None:
    fail(world, said=UNKNOWN)
    world.answer(world.ticket())
    held = world.delivery_to(world.clara)
    assert listed(call)[-1] == (held.pk, "failed")
    recover.release(held.pk, world.ada)
    assert listed(call)[-1] == (held.pk, "released")
    assert (held.pk, "released") not in listed(call, state="open")


def test_filters(call: Call, world: World) -> None:
    full, unknown = fail(world), fail(world, said=UNKNOWN)
    assert listed(call, cause="mailbox_full") == [(full.pk, "failed")]
    assert listed(call, cause="mailbox_full,address_unknown") == [(full.pk, "failed"), (unknown.pk, "failed")]
    assert listed(call, code="5.1.1") == [(unknown.pk, "failed")]
    assert listed(call, code="552 5.2.2") == [(full.pk, "failed")]
    assert listed(call, domain="customer.test") == [(full.pk, "failed"), (unknown.pk, "failed")]
    assert listed(call, domain="elsewhere.test") == []
    assert listed(call, kind="automatic") == []


def test_since(call: Call, world: World) -> None:
    with clock.at(clock.now() - timedelta(days=2)):
        old = fail(world)
    new = fail(world)
    yesterday = clock.now() - timedelta(days=1)
    assert listed(call, since=yesterday.strftime("%Y-%m-%dT%H:%M:%SZ")) == [(new.pk, "failed")]
    assert listed(call, since=yesterday.date().isoformat()) == [(new.pk, "failed")]
    assert listed(call, since="2020-01-01T00:00:00+02:00") == [(old.pk, "failed"), (new.pk, "failed")]
    for wrong in ("yesterday", "2026-13-01", "2026-02-30T10:00:00Z"):
        assert call("GET", "delivery_failures", since=wrong)[0] == 400
    assert call("GET", "delivery_failures", state="ajar")[0] == 400


def test_nothing_is_missed_or_doubled_while_pages_turn(call: Call, world: World) -> None:
    failures = [fail(world) for _ in range(5)]
    _, first = call("GET", "delivery_failures", **{"page[size]": "2"})
    assert [row["answerback"]["delivery_id"] for row in first["delivery_failures"]] == [f.pk for f in failures[:2]]
    recover.mark_handled(failures[0].pk, world.ada)  # seen already: it comes again, at the end
    recover.mark_handled(failures[3].pk, world.ada)  # not seen yet: it comes once
    seen: list[tuple[int, str]] = []
    cursor = first["meta"]["after_cursor"]
    while True:
        _, body = call("GET", "delivery_failures", **{"page[size]": "2", "page[after]": cursor})
        seen += [(row["answerback"]["delivery_id"], row["change"]) for row in body["delivery_failures"]]
        cursor = body["meta"]["after_cursor"]
        if not body["meta"]["has_more"]:
            break
    ids = [failure.pk for failure in failures]
    assert seen == [(ids[2], "failed"), (ids[4], "failed"), (ids[0], "resolved"), (ids[3], "resolved")]
    assert listed(call, **{"page[after]": cursor}) == []
    _, empty = call("GET", "delivery_failures", **{"page[after]": cursor})
    assert (empty["meta"]["after_cursor"], empty["links"]["next"]) == (cursor, None)
    late = fail(world)
    assert listed(call, **{"page[after]": cursor}) == [(late.pk, "failed")]


def test_lists_cost_the_same_for_many(call: Call, world: World, django_assert_max_num_queries: Any) -> None:
    for _ in range(12):
        fail(world)
    with django_assert_max_num_queries(11):
        call("GET", "delivery_failures")


@pytest.mark.django_db(transaction=True)
def test_who_reads_waits_for_numbers_that_are_taken() -> None:
    if not db.is_postgresql():
        pytest.skip("on SQLite one transaction writes at a time")
    world = make_world()
    early, late = fail(world), fail(world)
    FailureChange.objects.all().delete()
    written, go = threading.Event(), threading.Event()

    def write_slowly() -> None:
        with transaction.atomic():
            failure_feed.note([early.pk])
            written.set()
            go.wait(20)

    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(_closing, write_slowly)
        assert written.wait(20)
        failure_feed.note([late.pk])  # a higher number, there at once
        reading = pool.submit(_closing, failure_feed.horizon)
        with pytest.raises(TimeoutError):
            reading.result(0.5)
        go.set()
        slow.result(20)
        horizon = reading.result(20)
    order = list(FailureChange.objects.filter(pk__lte=horizon).order_by("pk").values_list("delivery_id", flat=True))
    assert order == [early.pk, late.pk]


def _closing(work: Callable[[], Any]) -> Any:
    try:
        return work()
    finally:
        connection.close()
