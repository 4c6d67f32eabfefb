"""The one writer of a delivery's state: what was said or decided comes in, states and events come out.

Policy:

* Every fact goes through the table of `mailroom.lifecycle` and ends in a `DeliveryEvent`, also where it moves nothing.
* An outcome of our own session moves a delivery only while the session still owns it: same owner, same attempt number.
  A worker that slept past its lease finds that its successor's result stands.
* A report counts once per received mail and delivery, in whatever order reports come; a provider's event, which is told
  again where our answer got lost, once per delivery and words.
* What a server said is kept as it said it. Giving up after waiting keeps the last words and their cause.
* A refusal that is our own fault stops the clock of the whole lane (`outbound.lanes`), and writes nothing else.

A batch is one transaction. Rows are locked in the order of their ids, so that two batches cannot block each other.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Case, F, QuerySet, Value, When

from answerback.core import bulk, clock, db, live
from answerback.outbound import acceptances, failure_feed, lanes, lost_time
from answerback.outbound.models import Attempt, Delivery, DeliveryEvent, Lane
from answerback.outbound.told import Outcome, Told, read
from answerback.people.models import Account, Identity
from mailroom import lifecycle as table
from mailroom import retry
from mailroom.report import DeliveryReport, Scope, Source, Stage
from mailroom.states import Fact, State

SYSTEM = "system"  # DeliveryEvent.source where nobody said anything: we decided
AGENT = "agent"
DELAY_WARNING = "delay_warning"  # DeliveryEvent.fact beside mailroom's: late, and still trying
SUPPRESSED = failure_feed.SUPPRESSED  # Delivery.hold_reason
RESTORED = "restored"  # Delivery.hold_reason of what waited when a backup was made, and may have been sent since
RELEASED = "released"  # Delivery.hold_reason of what a person sent on although the address is suppressed

_SESSION_FACTS = frozenset({Fact.SESSION_ACCEPTED, Fact.SESSION_TRANSIENT, Fact.SESSION_PERMANENT})
_ATTEMPT_OUTCOMES: Mapping[Fact, str] = {
    Fact.SESSION_ACCEPTED: "accepted",
    Fact.SESSION_TRANSIENT: "deferred",
    Fact.SESSION_PERMANENT: "failed",
}
_MAY_CONCERN_FAILURE = frozenset({State.FAILED, State.CANCELLED, State.HELD})
_WAITING = [state for state in State if table.next_state(state, Fact.CLAIM) is State.SENDING]
_LEASE = f"""
    UPDATE outbound_delivery
    SET state = %s, owner = %s, lease_until = %s, next_attempt_at = NULL, attempts = attempts + 1
    WHERE state IN ({", ".join(["%s"] * len(_WAITING))}) AND id IN ({{ids}})
    RETURNING id, attempts
"""  # noqa: S608
_INTEND = """
    INSERT INTO outbound_attempt (delivery_id, number, owner, started_at, outcome, stage, enhanced_code, diagnostic,
        remote_mta, ambiguous, ours)
    SELECT id, attempts, owner, %s, '', '', '', '', '', FALSE, FALSE FROM outbound_delivery WHERE id IN ({ids})
"""
_ATTEMPT_WORDS = ("smtp_code", "enhanced_code", "diagnostic", "remote_mta", "ours")
_ATTEMPT_WRITTEN = ("finished_at", "outcome", "stage", "ambiguous", *_ATTEMPT_WORDS)
_WRITTEN = (
    "state", "owner", "lease_until", "attempts", "next_attempt_at", "waited_seconds", "waiting_since", "smtp_code",
    "enhanced_code", "diagnostic", "cause", "permanent", "ours", "ambiguous", "delay_warned", "remote_mta", "told_by",
    "final_hop", "hold_reason", "stopped_by_id", "queued_at", "updated_at", "failed_at",
)  # fmt: skip


_FENCE = ("state", "owner", "attempts")
_Columns = dict[str, Any]  # of a row


def record(outcomes: Sequence[Outcome]) -> None:
    """Note what was said, in one transaction. Outcomes of deliveries that are gone are left out."""
    told = read(outcomes)
    expected = acceptances.among(told)
    try:
        with transaction.atomic():
            db.lock("outbound_delivery", {outcome.delivery_id for outcome in outcomes})
            acceptances.record(expected, clock.now())
            _record([one for one in told if one.outcome.delivery_id not in expected.delivery_ids])
    except acceptances.UnexpectedError:
        with transaction.atomic():
            _record(told)


def decide(delivery_ids: Sequence[int], fact: Fact, by: Account | None = None, reason: str = "") -> list[DeliveryEvent]:
    """Hold, release, cancel or expire. Gives the events of what moved; for the others it was too late.

    `reason` is what `Delivery.hold_reason` says of a hold ("suppressed", "rule:<title>").
    """
    with transaction.atomic():
        rows = _locked(set(delivery_ids))
        before = _before(rows)
        now = clock.now()
        events = [event for row in rows.values() if (event := _decided(row, fact, by, reason, now))]
        if fact is Fact.RELEASE:
            lost_time.begin([rows[event.delivery_id] for event in events])
        _write(rows, before, events)
        if fact is Fact.RELEASE and events:
            live.publish(live.OUTBOX)
        return _published(rows, events)


def retry_now(delivery_ids: Sequence[int]) -> int:
    """Make what waits due at once. Gives how many that were."""
    now = clock.now()
    with transaction.atomic():
        waiting = Delivery.objects.filter(pk__in=delivery_ids, next_attempt_at__isnull=False)
        changed = bulk.in_order(waiting).update(next_attempt_at=now, updated_at=now)
        if changed:
            live.publish(live.OUTBOX)
    return changed


def postpone(delivery_ids: Sequence[int], seconds: int) -> None:
    """Let what was just queued wait, so that it can be taken back. Belongs into the transaction that queued it."""
    queued = Delivery.objects.filter(pk__in=delivery_ids, state=State.QUEUED)
    queued.update(next_attempt_at=clock.now() + timedelta(seconds=seconds))


def suppress(row: Delivery, identity: Identity) -> None:
    """Hold the row because mail to the address is known to fail; it shows the failure that taught us. Saves nothing."""
    row.state = table.TRANSITIONS[State(row.state), Fact.HOLD]
    row.hold_reason = SUPPRESSED
    row.next_attempt_at = None
    row.failed_at = clock.now()
    row.cause, row.permanent, row.ours = identity.cause, True, False
    row.smtp_code, row.enhanced_code = identity.smtp_code, identity.enhanced_code


def hold_suppressed(rows: Sequence[Delivery]) -> None:
    """Hold waiting rows whose addresses have been suppressed since; the caller has locked and joined them."""
    now, found = clock.now(), {row.pk: row for row in rows}
    before = _before(found)
    for row in rows:
        if row.identity:
            suppress(row, row.identity)
            row.updated_at = now
    events = [event_of(row, Fact.HOLD, before[row.pk]["state"], now) for row in rows]
    _write(found, before, events)
    _published(found, events)


def claim(delivery_ids: Collection[int], owner: str, lease_until: datetime) -> dict[int, int]:
    """Lease waiting deliveries to `owner`: delivery id → number of the attempt that begins. Others are left out.

    Belongs into a transaction, in which the caller has locked the rows.
    """
    until, now = map(connection.ops.adapt_datetimefield_value, (lease_until, clock.now()))
    leased = dict(db.rows_of(_LEASE, delivery_ids, [State.SENDING, owner, until, *_WAITING]))
    db.rows_of(_INTEND, leased, [now])
    return leased


def end_leases(rows: QuerySet[Delivery]) -> int:
    """Nobody will tell how these attempts ended: back into the queue. Better twice than lost, and said to be so.

    Belongs into a transaction.
    """
    now = clock.now()
    sending = bulk.in_order(rows.filter(state=State.SENDING))
    return sending.update(
        state=table.TRANSITIONS[State.SENDING, Fact.LEASE_OVER],
        owner="",
        lease_until=None,
        next_attempt_at=now,
        ambiguous=True,
        updated_at=now,
    )


def give_back(attempts: Mapping[int, int], owner: str) -> int:
    """Put claimed rows (delivery id → attempt number) back that were not begun, as if never claimed."""
    with transaction.atomic():
        rows = [
            row
            for row in _locked(set(attempts)).values()
            if row.state == State.SENDING and (row.owner, row.attempts) == (owner, attempts[row.pk])
        ]
        ids = [row.pk for row in rows]
        Attempt.objects.filter(delivery__in=ids, number=F("delivery__attempts")).delete()
        Delivery.objects.filter(pk__in=ids).update(
            state=Case(When(pk__in=_deferred_before(ids), then=Value(State.DEFERRED)), default=Value(State.QUEUED)),
            owner="",
            lease_until=None,
            next_attempt_at=clock.now(),
            attempts=F("attempts") - 1,
        )
    return len(ids)


def _deferred_before(delivery_ids: Collection[int]) -> list[int]:
    """Which of these claimed deliveries a refusal had deferred: the attempt before this one, since they were queued.

    Not where that attempt's worker died, or a person released the mail after it: these were queued again.
    """
    before = Attempt.objects.filter(delivery__in=delivery_ids, number=F("delivery__attempts") - 1)
    deferred = before.filter(outcome=_ATTEMPT_OUTCOMES[Fact.SESSION_TRANSIENT])
    return list(deferred.filter(finished_at__gte=F("delivery__queued_at")).values_list("delivery_id", flat=True))


def event_of(
    row: Delivery, fact: str, from_state: str, at: datetime, by: Account | None = None, **said: object
) -> DeliveryEvent:
    """An event that tells the delivery's own codes and cause, unless `said` tells others."""
    fields: dict[str, object] = {
        "source": SYSTEM,
        "smtp_code": row.smtp_code,
        "enhanced_code": row.enhanced_code,
        "diagnostic": row.diagnostic,
        "cause": row.cause,
        "permanent": row.permanent,
        "ours": row.ours,
        "remote_mta": row.remote_mta,
        "told_by": row.told_by,
    }
    return bulk.new(
        DeliveryEvent,
        delivery_id=row.pk,
        at=at,
        fact=fact,
        from_state=from_state,
        to_state=row.state,
        by_id=by.pk if by else None,
        **(fields | said),
    )


# Reading and writing


def _record(told: Sequence[Told]) -> None:
    if not told:
        return
    rows = _locked({one.outcome.delivery_id for one in told})
    before = _before(rows)
    now = clock.now()
    known = lost_time.accounts_of({row.destination for row in rows.values()})
    events: list[DeliveryEvent] = []
    for one in _unheard(told):
        if row := rows.get(one.outcome.delivery_id):
            events += _conclude(row, one, known.get(row.destination), now)
    _finish_attempts(told, now)
    _write(rows, before, events)
    _tell_lanes(rows, told, known, now)
    _published(rows, events)


def _locked(delivery_ids: set[int]) -> dict[int, Delivery]:
    return {row.pk: row for row in bulk.locked(Delivery, delivery_ids, without=("header",))}


def _before(rows: Mapping[int, Delivery]) -> dict[int, _Columns]:
    return {pk: dict(vars(row)) for pk, row in rows.items()}


def _unheard(told: Sequence[Told]) -> list[Told]:
    """Without what the same received mail, or the same provider, has said already, in this batch or before."""
    outcomes = [one.outcome for one in told]
    mails = {outcome.raw_mail_id for outcome in outcomes if outcome.raw_mail_id is not None}
    by_provider = {outcome.delivery_id for outcome in outcomes if outcome.report.source is Source.WEBHOOK}
    heard: set[tuple[object, ...]] = set()
    if mails:
        known = DeliveryEvent.objects.filter(raw_mail_id__in=mails)
        heard.update(known.values_list("delivery_id", "fact", "raw_mail_id"))
    if by_provider:
        known = DeliveryEvent.objects.filter(delivery_id__in=by_provider, source=Source.WEBHOOK)
        heard.update(known.values_list("delivery_id", "fact", "told_by", "diagnostic"))
    fresh = []
    for one in told:
        keys = _ways_to_be_heard(one)
        if not keys & heard:
            heard |= keys
            fresh.append(one)
    return fresh


def _ways_to_be_heard(told: Told) -> set[tuple[object, ...]]:
    """What makes another outcome the same as this one."""
    outcome, ways = told.outcome, set[tuple[object, ...]]()
    about = (outcome.delivery_id, told.fact.value)
    if outcome.raw_mail_id is not None:
        ways.add((*about, outcome.raw_mail_id))
    if outcome.report.source is Source.WEBHOOK:
        ways.add((*about, outcome.report.told_by, told.words["diagnostic"]))
    return ways


def _finish_attempts(told: Sequence[Told], now: datetime) -> None:
    """Write what the session said beside the intention; also where the fact came too late to move anything."""
    rows: dict[tuple[int, int], tuple[object, ...]] = {}  # of each attempt what was said first
    for one in told:
        if word := _ATTEMPT_OUTCOMES.get(one.fact):
            key = one.outcome.delivery_id, one.outcome.attempt
            rows.setdefault(key, (*_attempt_values(word, one, now), *key, one.outcome.owner, ""))
    bulk.update(Attempt, _ATTEMPT_WRITTEN, ("delivery_id", "number", "owner", "outcome"), list(rows.values()))


def _attempt_values(word: str, told: Told, now: datetime) -> tuple[object, ...]:
    """In the order of `_ATTEMPT_WRITTEN`."""
    said = (told.words[name] for name in _ATTEMPT_WORDS)
    return (now, word, told.report.stage or "", told.report.ambiguous, *said)


def _write(rows: Mapping[int, Delivery], before: Mapping[int, _Columns], events: Sequence[DeliveryEvent]) -> None:
    """A conditional UPDATE of what changed. The rows are locked: one that does not match is a bug of ours."""
    changes: dict[tuple[str, ...], list[tuple[object, ...]]] = {}
    for pk in sorted({event.delivery_id for event in events}):
        old, new = before[pk], vars(rows[pk])
        changed = tuple(name for name in _WRITTEN if new[name] != old[name])
        changes.setdefault(changed, []).append((*(new[name] for name in changed), pk, *(old[name] for name in _FENCE)))
    changes.pop((), None)
    for changed, values in changes.items():
        if bulk.update(Delivery, changed, ("id", *_FENCE), values) != len(values):
            raise RuntimeError(f"one of the deliveries {sorted(rows)} changed although they were locked")
    bulk.insert(events)
    failure_feed.note(
        event.delivery_id for event in events if {event.from_state, event.to_state} & _MAY_CONCERN_FAILURE
    )


def _published(rows: Mapping[int, Delivery], events: list[DeliveryEvent]) -> list[DeliveryEvent]:
    if events:
        tickets = {rows[event.delivery_id].ticket_id for event in events} - {None}
        live.publish(live.DELIVERY, *(f"ticket:{ticket_id}" for ticket_id in tickets))
    return events


# What a fact does to a row


def _conclude(row: Delivery, told: Told, lane: Lane | None, now: datetime) -> list[DeliveryEvent]:
    """Move the row as far as the fact goes, and say so; late and overtaken facts only say so."""
    outcome, fact, before = told.outcome, told.fact, row.state
    target = table.next_state(State(before), fact) if _may_move(row, told) else None
    if target:
        row.state = target
        row.updated_at = now
        _EFFECTS[fact](row, told, now)
    said = event_of(
        row,
        fact,
        before,
        now,
        source=told.report.source,
        match=outcome.match,
        raw_mail_id=outcome.raw_mail_id,
        by=outcome.by,
        feedback_type=db.storable(told.report.feedback_type, 20),
        origins=told.report.told_from,
        **told.words,
    )
    return [said, *_consequences(row, told, lane, now)] if target else [said]


def _may_move(row: Delivery, told: Told) -> bool:
    return told.fact not in _SESSION_FACTS or (row.owner, row.attempts) == (told.outcome.owner, told.outcome.attempt)


def _take_words(row: Delivery, told: Told) -> None:
    vars(row).update(told.words)


def _leave_queue(row: Delivery) -> None:
    row.owner, row.lease_until, row.next_attempt_at = "", None, None


def _accepted(row: Delivery, told: Told, now: datetime) -> None:
    """`ambiguous` stays: an earlier copy may have arrived as well."""
    _leave_queue(row)
    _take_words(row, told)
    _start_clock(row, now)
    row.cause = ""
    row.final_hop = told.outcome.next_hop_is_final


def _deferred(row: Delivery, told: Told, now: datetime) -> None:
    report = told.report
    _leave_queue(row)
    _take_words(row, told)
    row.ambiguous = row.ambiguous or report.ambiguous
    if report.ours and not _is_site_fault(report):
        row.waiting_since = row.waiting_since or now
    else:
        _start_clock(row, now)


def _next_attempt(row: Delivery, report: DeliveryReport, lost: int, now: datetime) -> datetime:
    """The schedule's next step, but not past the moments at which we would warn of the delay, or give up, anyway.

    Both are thought of after a refusal only. One just before such a moment does not bring the next at once: the first
    step of the schedule lies between, and no warning is worth coming earlier than the server asked for.

    A lane in trouble is probed at the lane's pace, whatever waits there.
    """
    if _is_site_fault(report):
        return now + timedelta(seconds=lanes.PROBE_FIRST)
    delay = retry.next_delay(row.attempts, settings.RETRY_SCHEDULE, report.retry_after, random.random())  # noqa: S311
    due = now + timedelta(seconds=delay)
    late, end = _age(row, lost, settings.DELAY_WARNING_AFTER), _age(row, lost, settings.EXPIRE_AFTER)
    if late > now and not (row.delay_warned or report.ours):
        asked_for = retry.next_delay(1, settings.RETRY_SCHEDULE, report.retry_after, jitter=0)
        due = min(due, max(late, now + timedelta(seconds=asked_for)))
    soonest = now + timedelta(seconds=settings.RETRY_SCHEDULE[0])
    return min(due, max(end, soonest))


def _age(row: Delivery, lost: int, seconds: int) -> datetime:
    """When the recipient's side has had so many seconds."""
    return row.queued_at + timedelta(seconds=seconds + lost)


def _failed(row: Delivery, told: Told, now: datetime) -> None:
    _leave_queue(row)
    _take_words(row, told)
    _start_clock(row, now)
    row.failed_at = now


def _expired(row: Delivery, told: Told, now: datetime) -> None:
    _give_up(row, now)


def _give_up(row: Delivery, now: datetime) -> None:
    _leave_queue(row)
    row.failed_at = now
    row.cause = row.cause or "expired"


def _reported(row: Delivery, told: Told, now: datetime) -> None:
    _leave_queue(row)
    _take_words(row, told)
    _start_clock(row, now)


def _reported_delivered(row: Delivery, told: Told, now: datetime) -> None:
    _reported(row, told, now)
    row.cause, row.permanent = "", False


def _start_clock(row: Delivery, now: datetime) -> None:
    """The fault is not ours (any more): time counts again."""
    if row.waiting_since:
        row.waited_seconds += max(0, int((now - row.waiting_since).total_seconds()))
        row.waiting_since = None


_EFFECTS: Mapping[Fact, Callable[[Delivery, Told, datetime], None]] = {
    Fact.SESSION_ACCEPTED: _accepted,
    Fact.SESSION_TRANSIENT: _deferred,
    Fact.SESSION_PERMANENT: _failed,
    Fact.EXPIRE: _expired,
    Fact.REPORT_FAILED: _failed,
    Fact.REPORT_DELAYED: _reported,
    Fact.REPORT_DELIVERED: _reported_delivered,
    Fact.REPORT_RELAYED: _reported_delivered,
}


def _consequences(row: Delivery, told: Told, lane: Lane | None, now: datetime) -> list[DeliveryEvent]:
    """After a transient refusal: plan the next attempt, or give up where it has been tried long enough; warn where it
    is late."""
    if told.fact is not Fact.SESSION_TRANSIENT:
        return []
    lost = lost_time.seconds(row, lane, now)
    row.next_attempt_at = _next_attempt(row, told.report, lost, now)
    times = (row.queued_at, now, lost, now if row.ours else None)
    if retry.may_expire(*times, expire_after=settings.EXPIRE_AFTER):
        event = _decided(row, Fact.EXPIRE, None, "", now)
        return [event] if event else []
    if not row.delay_warned and not row.ours and retry.may_warn(*times, warn_after=settings.DELAY_WARNING_AFTER):
        row.delay_warned = True
        return [event_of(row, DELAY_WARNING, row.state, now, source=Source.EXPIRY)]
    return []


def _decided(row: Delivery, fact: Fact, by: Account | None, reason: str, now: datetime) -> DeliveryEvent | None:
    before = row.state
    target = table.next_state(State(before), fact)
    if target is None:
        return None
    row.state, row.updated_at = target, now
    if fact is Fact.EXPIRE:
        _give_up(row, now)
    else:
        _leave_queue(row)
    if fact is Fact.CANCEL:
        row.stopped_by = by
        row.failed_at = now
    elif fact is Fact.HOLD:
        row.hold_reason = db.storable(reason, 100)
    elif fact is Fact.RELEASE:
        row.hold_reason = RELEASED
        row.failed_at = None
        row.next_attempt_at = row.queued_at = now
    source = Source.EXPIRY if fact is Fact.EXPIRE else AGENT if by else SYSTEM
    return event_of(row, fact, before, now, source=source, by=by)


def _tell_lanes(rows: Mapping[int, Delivery], told: Sequence[Told], known: Mapping[str, Lane], now: datetime) -> None:
    """The last word of each lane in this batch: a fault of ours begins trouble, anything else a server says ends it."""
    last: dict[str, Told] = {}
    for one in told:
        row = rows.get(one.outcome.delivery_id)
        if row and one.fact in _SESSION_FACTS and (_is_site_fault(one.report) or not one.report.ours):
            last[row.destination] = one
    troubled = {name for name, lane in known.items() if lane.trouble_since}
    for destination, one in sorted(last.items()):  # as claims lock them, so that nobody waits in a circle
        if _is_site_fault(one.report):
            lanes.begin_trouble(destination, str(one.words["diagnostic"]), str(one.words["cause"]), now)
        elif destination in troubled and _proves_life(one.report):
            lanes.end_trouble(destination, now)


def _is_site_fault(report: DeliveryReport) -> bool:
    return report.ours and report.scope in (Scope.SITE, Scope.SESSION)


def _proves_life(report: DeliveryReport) -> bool:
    """Somebody there answered us, or at least let us in: not what our client says before it has asked anybody."""
    return report.source is Source.SESSION or report.stage in (Stage.DATA, Stage.BODY, Stage.DOT)
