"""Proof of the way back: what a probe proves, when the next is due, and that there is never more than one."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections
from tests.outbound.conftest import Outbox, World, make_world
from tests.outbound.reports import recipient_group, report, return_path, token
from tests.outbound.test_returned import accept

from answerback.core import clock
from answerback.outbound import lanes, lifecycle, standing, way_back, way_back_words
from answerback.outbound.models import Delivery, FailureChange, Message, Probe
from answerback.outbound.returned import Result as Settled
from answerback.outbound.returned import handle_events, handle_report
from answerback.outbound.standing import Words
from answerback.outbound.told import Outcome
from mailroom.report import Action, DeliveryReport, Source
from mailroom.states import State

Result = Probe.Result
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
RELAY = "relay.test:2525"


@pytest.fixture(autouse=True)
def probing(settings: object) -> None:
    settings.PROBE_EVERY = 86400  # type: ignore[attr-defined]
    settings.PROBE_PATIENCE = 3600  # type: ignore[attr-defined]
    settings.PROBE_ADDRESS = "nobody-*@elsewhere.test"  # type: ignore[attr-defined]


def refused(row: Delivery, code: int = 550) -> None:
    attempts = lifecycle.claim([row.pk], "me", clock.now() + timedelta(minutes=15))
    said = DeliveryReport(
        "", Action.FAILED, permanent=code >= 500, reply_code=code, diagnostic=f"{code} {code // 100}.1.1 no"
    )
    lifecycle.record([Outcome(row.pk, said, "me", attempts[row.pk])])


def sent() -> Probe:
    """A probe that the relay has accepted."""
    probe = way_back.start()
    assert probe
    accept(probe.delivery)
    return Probe.objects.select_related("delivery").get(pk=probe.pk)


def later(step: timedelta) -> list[Probe]:
    """What is concluded when time has passed in which somebody looked all along."""
    end = clock.now() + step
    at = clock.now()
    found: list[Probe] = []
    while at < end:
        at = min(at + timedelta(seconds=45), end)
        with clock.at(at):
            found += way_back.look()
    return found


def returns(probe: Probe, raw_mail_id: int = 7) -> None:
    mail = report(recipient_group(probe.delivery.recipient))
    assert handle_report(raw_mail_id, mail, [return_path(probe.delivery)]).state == "report"


def arrives(probe: Probe) -> None:
    accept(probe.delivery)
    assert way_back.is_probe(probe.delivery.message.message_id)
    way_back.note_arrival(probe.delivery.message.message_id)


# The tables

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("state", "more", "waited", "wanted"),
    [
        (State.QUEUED, {}, MINUTE, Result.WAITING),
        (State.SENDING, {}, MINUTE, Result.WAITING),
        (State.DEFERRED, {}, MINUTE, Result.WAITING),
        (State.ACCEPTED, {}, MINUTE, Result.WAITING),
        (State.ACCEPTED, {}, HOUR, Result.MISSING),
        (State.DEFERRED, {}, HOUR, Result.UNSENT),
        (State.QUEUED, {}, HOUR, Result.UNSENT),
        (State.FAILED, {"permanent": True}, MINUTE, Result.REFUSED),
        (State.FAILED, {"permanent": False}, MINUTE, Result.UNSENT),  # given up after waiting
        (State.CANCELLED, {}, MINUTE, Result.UNSENT),
        (State.FAILED, {"permanent": True, "reported": True}, MINUTE, Result.RETURNED),
        (State.DELAYED, {"reported": True}, MINUTE, Result.RETURNED),  # any report shows that reports come
        (State.ACCEPTED, {"reported": True, "arrived": True}, HOUR, Result.RETURNED),
        (State.ACCEPTED, {"arrived": True}, MINUTE, Result.ARRIVED),
        (State.DELIVERED, {}, MINUTE, Result.ARRIVED),  # a mail service says so: somebody takes it
    ],
)
def test_what_a_probe_shows(state: State, more: dict[str, bool], waited: timedelta, wanted: Probe.Result) -> None:
    assert way_back.judge(state, **({"reported": False} | more), waited=waited, patience=HOUR) == wanted


@pytest.mark.parametrize(
    ("result", "age", "tried", "wanted"),
    [
        (Result.WAITING, DAY * 3, "other", False),  # one at a time
        (Result.RETURNED, HOUR * 23, "same", False),
        (Result.RETURNED, DAY, "same", True),
        (Result.RETURNED, MINUTE * 6, "other", True),  # new settings
        (Result.RETURNED, MINUTE, "other", False),  # ... but no storm, whoever disagrees about them
        (Result.MISSING, MINUTE * 59, "same", False),
        (Result.MISSING, HOUR, "same", True),
        (Result.UNSENT, HOUR, "same", True),
        (Result.REFUSED, HOUR * 2, "same", False),
        (Result.ARRIVED, HOUR * 2, "same", False),
    ],
)
def test_when_the_next_is_due(result: Probe.Result, age: timedelta, tried: str, wanted: bool) -> None:
    now = clock.now()
    probe = Probe(way=RELAY, result=result, started_at=now - age, tried=tried)
    assert way_back.is_due(probe, "same", now, DAY) is wanted


def test_the_first_is_due_at_once() -> None:
    assert way_back.is_due(None, "same", clock.now(), DAY)


@pytest.mark.parametrize(
    ("relay_url", "return_path_", "domain", "wanted"),
    [
        ("smtp://relay.test", "signed", "bounce.acme.de", "no-such-mailbox-*@bounce.acme.de"),
        ("smtp://relay.test", "fixed", "bounce.acme.de", ""),  # that of support@acme.test, where no mail can go
        ("smtp://relay.test", "signed", "localhost.localdomain", ""),
        ("mx", "signed", "bounce.acme.de", ""),  # we would be refused ourselves, at once
    ],
)
def test_where_it_goes_by_itself(
    world: World, settings: object, relay_url: str, return_path_: str, domain: str, wanted: str
) -> None:
    settings.PROBE_ADDRESS = ""  # type: ignore[attr-defined]
    settings.RELAY_URL, settings.RETURN_PATH = relay_url, return_path_  # type: ignore[attr-defined]
    settings.RETURN_PATH_DOMAIN = domain  # type: ignore[attr-defined]
    assert way_back.address_pattern() == wanted
    if not wanted:
        assert way_back.start_due() is None
        assert "ANSWERBACK_PROBE_ADDRESS" in way_back_words.advice_without_probe()
        with pytest.raises(way_back.NoAddressError):
            way_back.start()


# On the real rows


def test_a_probe_is_a_delivery_like_any_other_and_nobodys(world: World) -> None:
    probe = way_back.start_due()
    assert probe
    row = probe.delivery
    assert (row.kind, row.ticket_id, row.person_id, row.state, row.destination) == (
        "probe",
        None,
        None,
        "queued",
        RELAY,
    )
    assert re.fullmatch(r"nobody-\w{8}@elsewhere\.test", row.recipient)
    assert b"Auto-Submitted: auto-generated" in bytes(row.message.header)


def test_a_report_that_comes_back_proves_the_way(world: World) -> None:
    probe = sent()
    returns(probe)
    [ended] = way_back.look()
    assert ended.result == Result.RETURNED
    assert not way_back.blind()
    assert not way_back.look()
    assert not later(DAY / 12)


def test_the_token_in_what_comes_back_proves_as_much(world: World) -> None:
    probe = sent()
    mail = report(recipient_group(probe.delivery.recipient), delivery_token=token(probe.delivery))
    assert handle_report(1, mail, ["support@acme.test"]) == Settled("report", "bounce", None)
    assert [one.result for one in way_back.look()] == [Result.RETURNED]


def test_so_does_the_event_of_a_mail_service(world: World) -> None:
    probe = sent()
    event = DeliveryReport(
        probe.delivery.recipient,
        Action.FAILED,
        permanent=True,
        source=Source.WEBHOOK,
        delivery_token=token(probe.delivery),
        told_by="postmark",
    )
    assert handle_events(1, [event]) == Settled("report", "event", None)
    assert [one.result for one in way_back.look()] == [Result.RETURNED]


def test_with_a_mail_service_the_webhook_is_what_is_missing(world: World, settings: object) -> None:
    settings.RELAY_URL = "submission://key:key@smtp.postmarkapp.com"  # type: ignore[attr-defined]
    sent()
    [ended] = later(HOUR + MINUTE)
    assert ended.result == Result.MISSING
    assert "Postmark tells outcomes by webhook only: set ANSWERBACK_EVENTS_POSTMARK" in way_back_words.advice(ended)


def test_a_report_without_proof_proves_nothing_and_the_admin_reads_why(world: World) -> None:
    probe = sent()
    mail = report(recipient_group(probe.delivery.recipient), message_id=probe.delivery.message.message_id)
    assert handle_report(1, mail, ["support@acme.test"]) == Settled("report", "unproven", None)
    [ended] = later(HOUR + MINUTE)
    assert ended.result == Result.MISSING
    ended.refresh_from_db()
    assert "X-Answerback-Delivery" in way_back_words.advice(ended)


def test_that_deliveries_are_told_proves_nothing_of_failures(world: World) -> None:
    probe = sent()
    mail = report(recipient_group(probe.delivery.recipient, "delivered", "2.0.0"))
    handle_report(1, mail, [return_path(probe.delivery)])
    assert [one.result for one in way_back.look()] == [Result.ARRIVED]


def test_what_was_accepted_since_the_last_proof_is_not_calm(world: World, outbox: Outbox) -> None:
    early, proven, unseen, elsewhere = outbox()[0], sent(), outbox()[0], outbox()[1]
    accept(early)
    Delivery.objects.filter(pk=early.pk).update(updated_at=proven.started_at - MINUTE)
    returns(proven)
    way_back.look()
    accept(unseen, elsewhere)
    Delivery.objects.filter(pk=elsewhere.pk).update(destination="other.test:25")

    def words() -> list[Words]:
        chains = standing.chains_of(list(Delivery.objects.filter(pk__in=[early.pk, unseen.pk, elsewhere.pk])))
        return [chain.words for chain in chains]

    assert words() == [Words.ACCEPTED] * 3
    swallowed = sent()
    assert [one.result for one in later(HOUR + MINUTE)] == [Result.MISSING]
    assert words() == [Words.ACCEPTED, Words.NO_REPORTS, Words.ACCEPTED]
    returns(swallowed)  # late, and still
    assert [one.result for one in way_back.look()] == [Result.RETURNED]
    assert words() == [Words.ACCEPTED] * 3


@pytest.mark.parametrize(
    ("fate", "wanted"),
    [
        (lambda probe: refused(probe.delivery), Result.REFUSED),
        (arrives, Result.ARRIVED),
        (lambda probe: refused(probe.delivery, 451), Result.UNSENT),
    ],
    ids=["refused at once", "came to ourselves", "never accepted"],
)
def test_what_proves_nothing_changes_nothing(
    world: World, fate: Callable[[Probe], object], wanted: Probe.Result
) -> None:
    """Neither for the better nor for the worse."""
    for known in (Result.RETURNED, Result.MISSING):
        Probe.objects.all().delete()
        before = sent()
        now = clock.now()
        Probe.objects.filter(pk=before.pk).update(result=known, concluded_at=now, started_at=now - HOUR)
        probe = way_back.start()
        assert probe
        fate(probe)
        [ended] = later(HOUR + MINUTE)
        assert ended.result == wanted
        assert bool(way_back.blind()) is (known == Result.MISSING)
        assert Delivery.objects.get(pk=probe.delivery_id).next_attempt_at is None  # it does not go later


def test_time_in_which_nobody_looked_does_not_count(world: World) -> None:
    """We were stopped overnight: the report waits at our door."""
    probe = sent()
    with clock.at(clock.now() + 9 * HOUR):
        assert not way_back.look()
        returns(probe)
        assert [one.result for one in way_back.look()] == [Result.RETURNED]


def test_a_restore_waits_for_no_report(world: World) -> None:
    """It may have come to where the backup was made; the next probe goes soon."""
    probe = sent()
    way_back.give_up_waiting()
    with clock.at(clock.now() + HOUR):
        assert not way_back.look()
        assert way_back.start_due()
    assert not way_back.blind()
    assert Probe.objects.get(pk=probe.pk).result == Result.UNSENT


def test_none_is_sent_while_the_relay_refuses_us_or_is_paused(world: World) -> None:
    lanes.begin_trouble(RELAY, "535 5.7.8 bad password", "login_refused", clock.now())
    assert way_back.start_due() is None
    lanes.end_trouble(RELAY, clock.now())
    lanes.pause(RELAY, world.ada)
    assert way_back.start_due() is None
    lanes.resume(RELAY)
    assert way_back.start_due()


def test_a_new_relay_is_a_way_of_its_own(world: World, settings: object) -> None:
    sent()
    later(HOUR + MINUTE)
    assert set(way_back.blind()) == {RELAY}
    settings.RELAY_URL = "smtp://new.test:587"  # type: ignore[attr-defined]
    probe = way_back.start_due()
    assert probe
    assert [one.way for one in way_back.newest()] == ["new.test:587", RELAY]


def test_off_is_off(world: World, settings: object) -> None:
    settings.PROBE_EVERY = 0  # type: ignore[attr-defined]
    assert way_back.start_due() is None
    assert way_back.start()  # whoever asks for one gets it


def test_old_ones_go_with_their_mail_but_for_the_newest(world: World) -> None:
    old, newest = sent(), None
    Probe.objects.update(result=Result.RETURNED, started_at=clock.now() - 2 * way_back.KEPT)
    newest = sent()
    Probe.objects.filter(pk=newest.pk).update(started_at=clock.now() - way_back.KEPT - DAY)
    way_back.forget_old()
    assert [probe.pk for probe in Probe.objects.all()] == [newest.pk]
    assert not Message.objects.filter(pk=old.delivery.message_id).exists()


def test_no_list_of_failures_hears_of_it(world: World) -> None:
    returns(sent())
    assert FailureChange.objects.exclude(delivery__kind="probe").count() == 0
    assert not standing.open_failures_of([0])


@pytest.mark.django_db(transaction=True)
def test_many_workers_send_one(settings: object) -> None:
    make_world()

    def work() -> bool:
        try:
            return way_back.start_due() is not None
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as workers:
        began = list(workers.map(lambda _: work(), range(24)))
    assert began.count(True) == 1
    assert (Probe.objects.count(), Delivery.objects.count(), Message.objects.count()) == (1, 1, 1)
