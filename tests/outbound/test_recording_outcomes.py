"""What was said about a delivery, and what the row then tells. The table itself is tested with mailroom."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import time_machine
from django.db import connection
from tests.outbound.conftest import Outbox, World

from answerback.core import clock
from answerback.core.models import LiveChange
from answerback.outbound import lanes, lifecycle, lost_time, standing
from answerback.outbound.models import Attempt, Delivery, DeliveryEvent, Lane
from answerback.outbound.told import Outcome
from mailroom.report import Action, DeliveryReport, Scope, Source, Stage
from mailroom.states import Fact, State
from mailroom.status import EnhancedStatus

OWNER = "host:1:2:3:4:5"
ACCEPTED = DeliveryReport("", Action.RELAYED, reply_code=250, diagnostic="250 queued as 1", stage=Stage.DOT)
REFUSED = DeliveryReport(
    "",
    Action.FAILED,
    permanent=True,
    reply_code=550,
    status=EnhancedStatus(5, 1, 1),
    diagnostic="550 5.1.1 User unknown",
    remote_mta="mx.customer.test",
    stage=Stage.RCPT,
)
GREYLISTED = DeliveryReport("", Action.FAILED, reply_code=451, diagnostic="451 4.7.1 try again later", stage=Stage.RCPT)
LOST = DeliveryReport("", Action.FAILED, source=Source.CLIENT, stage=Stage.DOT, ambiguous=True, diagnostic="closed")
LOGIN_REFUSED = DeliveryReport(
    "", Action.FAILED, reply_code=535, scope=Scope.SITE, stage=Stage.AUTH, ours=True, diagnostic="535 no"
)
BOUNCED = DeliveryReport("", Action.FAILED, permanent=True, status=EnhancedStatus(5, 2, 2), source=Source.REPORT)


def claim(*rows: Delivery, owner: str = OWNER) -> list[Delivery]:
    lifecycle.claim([row.pk for row in rows], owner, clock.now() + timedelta(minutes=15))
    return fresh(*rows)


def fresh(*rows: Delivery) -> list[Delivery]:
    return [Delivery.objects.get(pk=row.pk) for row in rows]


def said(row: Delivery, report: DeliveryReport, **changes: object) -> Outcome:
    fields: dict[str, object] = {"owner": row.owner, "attempt": row.attempts}
    return Outcome(row.pk, report, **(fields | changes))  # type: ignore[arg-type]


def words(*rows: Delivery) -> list[str]:
    return [standing.chains_of([row])[0].words for row in fresh(*rows)]


def record(*outcomes: Outcome) -> list[DeliveryEvent]:
    """The events that came of them."""
    before = set(DeliveryEvent.objects.values_list("pk", flat=True))
    lifecycle.record(outcomes)
    return list(DeliveryEvent.objects.exclude(pk__in=before).order_by("pk"))


def test_accepted(outbox: Outbox) -> None:
    clara, _ = claim(*outbox())
    [event] = record(said(clara, ACCEPTED))
    [clara] = fresh(clara)
    assert (clara.state, clara.smtp_code, clara.diagnostic) == ("accepted", 250, "250 queued as 1")
    assert (clara.owner, clara.lease_until, clara.next_attempt_at, clara.cause) == ("", None, None, "")
    assert (event.from_state, event.to_state, event.match, event.source) == (
        "sending",
        "accepted",
        "session",
        "session",
    )
    attempt = Attempt.objects.get(delivery=clara)
    assert (attempt.number, attempt.outcome, attempt.smtp_code, attempt.finished_at) == (
        1,
        "accepted",
        250,
        event.at,
    )
    assert event.handled_at is None


def test_refused_touches_that_recipient_only(outbox: Outbox) -> None:
    clara, deniz = claim(*outbox())
    record(said(clara, ACCEPTED), said(deniz, REFUSED))
    clara, deniz = fresh(clara, deniz)
    assert clara.state == State.ACCEPTED
    assert (deniz.state, deniz.smtp_code, deniz.enhanced_code) == ("failed", 550, "5.1.1")
    assert (deniz.cause, deniz.permanent, deniz.remote_mta) == ("address_unknown", True, "mx.customer.test")
    assert deniz.failed_at is not None


def test_deferred_knows_the_next_attempt(outbox: Outbox, settings: object) -> None:
    settings.RETRY_SCHEDULE = (300, 900)  # type: ignore[attr-defined]
    clara, _ = claim(*outbox())
    now = clock.now()
    with time_machine.travel(now, tick=False):
        record(said(clara, GREYLISTED))
    [clara] = fresh(clara)
    assert clara.state == State.DEFERRED
    assert timedelta(seconds=299) <= clara.next_attempt_at - now <= timedelta(seconds=331)
    assert not clara.ambiguous


def test_lost_after_the_dot_is_ambiguous_and_waits_for_the_first_step(outbox: Outbox) -> None:
    clara, _ = claim(*outbox())
    before = clock.now()
    record(said(clara, LOST))
    [clara] = fresh(clara)
    assert (clara.state, clara.ambiguous) == ("deferred", True)
    assert clara.next_attempt_at >= before + timedelta(seconds=300)
    assert Attempt.objects.get(delivery=clara).ambiguous
    [clara] = claim(clara)
    record(said(clara, ACCEPTED))
    [clara] = fresh(clara)
    assert (clara.state, clara.ambiguous) == ("accepted", True), "the note stays: it may have arrived twice"


def test_a_thawed_worker_cannot_overwrite_its_successor(outbox: Outbox) -> None:
    [old, _] = claim(*outbox(), owner="old")
    lifecycle.end_leases(Delivery.objects.filter(pk=old.pk))
    [new] = claim(old, owner="new")
    [late] = record(said(old, REFUSED))
    assert fresh(old)[0].state == State.SENDING
    assert (late.from_state, late.to_state, late.fact) == ("sending", "sending", Fact.SESSION_PERMANENT)
    record(said(new, ACCEPTED))
    record(said(old, REFUSED))
    assert fresh(old)[0].state == State.ACCEPTED
    assert [row.outcome for row in Attempt.objects.filter(delivery=old).order_by("number")] == ["failed", "accepted"]


def test_the_end_of_a_lease_says_that_the_mail_may_have_arrived(outbox: Outbox) -> None:
    clara, _ = claim(*outbox())
    assert lifecycle.end_leases(Delivery.objects.filter(pk=clara.pk)) == 1
    [clara] = fresh(clara)
    assert (clara.state, clara.ambiguous, clara.owner, clara.attempts) == ("queued", True, "", 1)
    assert clara.next_attempt_at is not None


def test_given_back_is_as_if_never_claimed(outbox: Outbox) -> None:
    clara, deniz = claim(*outbox())
    assert lifecycle.give_back({clara.pk: 1, deniz.pk: 7}, OWNER) == 1
    [clara] = fresh(clara)
    assert (clara.state, clara.attempts, clara.ambiguous) == ("queued", 0, False)
    assert not Attempt.objects.filter(delivery=clara).exists()
    assert fresh(deniz)[0].state == State.SENDING


def test_given_back_is_deferred_where_it_had_been(outbox: Outbox) -> None:
    clara, deniz = claim(*outbox())
    record(said(clara, GREYLISTED))
    lifecycle.end_leases(Delivery.objects.filter(pk=deniz.pk))
    claim(clara, deniz)
    assert lifecycle.give_back({clara.pk: 2, deniz.pk: 2}, OWNER) == 2
    clara, deniz = fresh(clara, deniz)
    assert (clara.state, clara.attempts, clara.diagnostic) == ("deferred", 1, GREYLISTED.diagnostic)
    assert (deniz.state, deniz.attempts, deniz.ambiguous) == ("queued", 1, True), (
        "its worker had died: nobody refused it"
    )
    assert list(Attempt.objects.order_by("number", "id").values_list("number", "outcome")) == [(1, "deferred"), (1, "")]


def test_given_back_is_queued_where_a_person_had_released_it(outbox: Outbox, world: World) -> None:
    [clara, _] = claim(*outbox())
    record(said(clara, GREYLISTED))
    lifecycle.decide([clara.pk], Fact.HOLD)
    lifecycle.decide([clara.pk], Fact.RELEASE, world.ada)
    for state, attempts in (("queued", 1), ("deferred", 2)):
        [clara] = claim(clara)
        lifecycle.give_back({clara.pk: clara.attempts}, OWNER)
        [clara] = fresh(clara)
        assert (clara.state, clara.attempts) == (state, attempts)
        [clara] = claim(clara)
        record(said(clara, GREYLISTED))


def test_of_two_outcomes_of_one_attempt_the_first_counts(outbox: Outbox) -> None:
    clara, _ = claim(*outbox())
    record(said(clara, GREYLISTED), said(clara, ACCEPTED))
    [clara] = fresh(clara)
    assert (clara.state, Attempt.objects.get(delivery=clara).outcome) == ("deferred", "deferred")


def test_a_report_can_overtake_our_own_note(outbox: Outbox) -> None:
    clara, _ = claim(*outbox())
    record(said(clara, BOUNCED, match="return_path", raw_mail_id=7))
    record(said(clara, ACCEPTED))
    [clara] = fresh(clara)
    assert (clara.state, clara.enhanced_code) == ("failed", "5.2.2")
    assert Attempt.objects.get(delivery=clara).outcome == "accepted"


def test_the_same_mail_counts_once(outbox: Outbox) -> None:
    clara, _ = outbox()
    bounce = said(clara, BOUNCED, match="return_path", raw_mail_id=7)
    assert len(record(bounce, bounce)) == 1
    assert record(bounce) == []
    assert DeliveryEvent.objects.filter(delivery=clara).count() == 1


def test_a_second_mail_with_the_same_news_is_noted_and_moves_nothing(outbox: Outbox) -> None:
    clara, _ = outbox()
    record(said(clara, BOUNCED, raw_mail_id=7))
    [second] = record(said(clara, BOUNCED, raw_mail_id=8))
    assert second.from_state == second.to_state == "failed"


def test_text_that_a_database_refuses_is_made_fit(outbox: Outbox) -> None:
    clara, _ = claim(*outbox())
    odd = DeliveryReport("", Action.FAILED, permanent=True, diagnostic="550 a\0b\udc80c", remote_mta="x" * 500)
    record(said(clara, odd))
    [clara] = fresh(clara)
    assert clara.diagnostic == "550 ab?c"
    assert len(clara.remote_mta) == 300


def test_giving_up_keeps_the_last_words(outbox: Outbox, settings: object) -> None:
    settings.EXPIRE_AFTER = 3600  # type: ignore[attr-defined]
    clara, _ = claim(*outbox())
    with time_machine.travel(clock.now() + timedelta(seconds=3601)):
        events = record(said(clara, GREYLISTED))
    assert [event.fact for event in events] == [Fact.SESSION_TRANSIENT, Fact.EXPIRE]
    [clara] = fresh(clara)
    assert (clara.state, clara.smtp_code, clara.diagnostic) == ("failed", 451, "451 4.7.1 try again later")
    assert clara.cause == "greylisted"
    assert events[-1].source == "expiry"


def test_the_last_attempt_comes_when_we_would_give_up(outbox: Outbox, settings: object) -> None:
    settings.EXPIRE_AFTER, settings.RETRY_SCHEDULE = 5000, (300, 14400)  # type: ignore[attr-defined]
    clara, _ = claim(*outbox())
    Delivery.objects.filter(pk=clara.pk).update(attempts=9)
    [clara] = fresh(clara)
    Attempt.objects.filter(delivery=clara).update(number=9)
    record(said(clara, GREYLISTED))
    [clara] = fresh(clara)
    assert clara.next_attempt_at == clara.queued_at + timedelta(seconds=5000)


def test_a_late_delivery_warns_once(outbox: Outbox, settings: object) -> None:
    settings.DELAY_WARNING_AFTER = 60  # type: ignore[attr-defined]
    [clara, _] = outbox()
    for minutes in (0, 2, 30):
        with time_machine.travel(clock.now() + timedelta(minutes=minutes)):
            [clara] = claim(clara)
            record(said(clara, GREYLISTED))
    assert [event.fact for event in DeliveryEvent.objects.order_by("id")] == [
        "session_transient",
        "session_transient",
        "delay_warning",
        "session_transient",
    ]


def test_decisions(outbox: Outbox, world: World) -> None:
    clara, deniz = outbox()
    [event] = lifecycle.decide([clara.pk], Fact.HOLD, reason="rule:Not at night")
    assert (event.source, event.to_state) == ("system", "held")
    assert fresh(clara)[0].hold_reason == "rule:Not at night"
    [event] = lifecycle.decide([clara.pk, deniz.pk], Fact.RELEASE, world.ada)
    assert (event.delivery_id, event.source, event.by) == (clara.pk, "agent", world.ada)
    assert fresh(clara)[0].next_attempt_at is not None
    assert len(lifecycle.decide([clara.pk, deniz.pk], Fact.CANCEL, world.ada)) == 2
    assert fresh(clara)[0].stopped_by == world.ada
    assert lifecycle.decide([clara.pk], Fact.RELEASE, world.ada) == []


def test_what_is_released_starts_its_life_anew(outbox: Outbox, world: World) -> None:
    [clara, _] = outbox()
    lifecycle.decide([clara.pk], Fact.HOLD)
    released = clara.queued_at + timedelta(days=6)  # a day longer than any mail is tried
    with time_machine.travel(released, tick=False):
        lifecycle.decide([clara.pk], Fact.RELEASE, world.ada)
        [clara] = claim(clara)
        [event] = record(said(clara, GREYLISTED))
    [clara] = fresh(clara)
    assert (clara.state, clara.queued_at, event.to_state) == ("deferred", released, "deferred")


def test_retry_now(outbox: Outbox) -> None:
    clara, deniz = claim(*outbox())
    record(said(clara, GREYLISTED))
    assert lifecycle.retry_now([clara.pk, deniz.pk]) == 1
    assert fresh(clara)[0].next_attempt_at <= clock.now()


class TestTrouble:
    """A refused login is our fault: nobody fails, nobody's time runs."""

    def test_the_lane_waits(self, outbox: Outbox) -> None:
        clara, deniz = outbox()
        [clara] = claim(clara)
        record(said(clara, LOGIN_REFUSED))
        clara, deniz = fresh(clara, deniz)
        lane = Lane.objects.get(destination="relay.test:2525")
        assert lane.trouble_since == lanes.sending_is_down() == clara.updated_at
        assert (lane.last_error, lane.last_cause) == ("535 no", "login_refused")
        assert (clara.state, clara.ours, deniz.state) == ("deferred", True, "queued")
        assert words(clara, deniz) == ["our_fault", "our_fault"]

    def test_the_probe_comes_soon(self, outbox: Outbox) -> None:
        [clara, _] = claim(*outbox())
        now = clock.now()
        with time_machine.travel(now, tick=False):
            record(said(clara, LOGIN_REFUSED))
        assert fresh(clara)[0].next_attempt_at == now + timedelta(seconds=1)

    def test_it_ends_by_itself_and_all_goes_at_once(self, outbox: Outbox) -> None:
        clara, deniz = claim(*outbox())
        begin = clock.now()
        with time_machine.travel(begin, tick=False):
            record(said(clara, LOGIN_REFUSED))
            [clara] = claim(clara)
        late = begin + timedelta(days=9)
        with time_machine.travel(late, tick=False):
            record(said(deniz, LOGIN_REFUSED))
            [clara] = fresh(clara)
            record(said(clara, GREYLISTED))
        clara, deniz = fresh(clara, deniz)
        assert lanes.sending_is_down() is None
        lane = Lane.objects.get()
        assert [lost_time.seconds(row, lane, late) for row in (clara, deniz)] == [9 * 86400, 9 * 86400]
        assert (clara.state, deniz.state, deniz.next_attempt_at) == (
            "deferred",
            "deferred",
            late + timedelta(seconds=1),
        )
        assert words(clara, deniz) == ["trying", "trying"]

    def test_mail_that_joins_waits_for_us_too(self, outbox: Outbox) -> None:
        [clara, _] = claim(*outbox())
        record(said(clara, LOGIN_REFUSED))
        [row, _] = outbox()
        assert words(row) == ["our_fault"]
        late = row.queued_at + timedelta(seconds=100)
        lanes.end_trouble("relay.test:2525", late)
        assert lost_time.seconds(row, Lane.objects.get(), late + timedelta(hours=1)) in (99, 100, 101)

    def test_what_is_given_back_keeps_what_its_server_said(self, outbox: Outbox) -> None:
        """Only mail that nobody has refused shows our fault as its own."""
        clara, deniz = claim(*outbox())
        record(said(clara, GREYLISTED))
        [clara] = claim(clara)
        lifecycle.give_back({clara.pk: 2}, OWNER)
        record(said(deniz, LOGIN_REFUSED))
        [clara] = fresh(clara)
        assert (clara.state, clara.ours, clara.diagnostic) == ("deferred", False, GREYLISTED.diagnostic)
        assert words(clara) == ["trying"]

    def test_a_fault_about_one_message_stops_nobody(self, outbox: Outbox) -> None:
        clara, _ = claim(*outbox())
        fault = DeliveryReport("", Action.FAILED, source=Source.CLIENT, scope=Scope.MESSAGE, ours=True)
        record(said(clara, fault))
        assert lanes.sending_is_down() is None
        assert fresh(clara)[0].ours

    @pytest.mark.parametrize(("age", "delay"), [(0, 1), (4, 1), (8, 2), (60, 15), (240, 60), (10_000, 60)])
    def test_probes_come_ever_later(self, age: int, delay: int) -> None:
        since = datetime.fromisoformat("2026-11-23T12:00:00Z")
        assert lanes.probe_delay(since, since + timedelta(seconds=age)) == delay


def test_open_pages_hear_of_it(outbox: Outbox) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL notifies; test_live listens")
    [clara, _] = claim(*outbox())
    LiveChange.objects.all().delete()
    record(said(clara, ACCEPTED))
    assert {change.topic for change in LiveChange.objects.all()} == {"delivery", f"ticket:{clara.ticket_id}"}
