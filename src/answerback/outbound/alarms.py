"""Alarms of destinations: figures of each, every five minutes, and what is out of the ordinary.

Policy: `outbound.alarm_policy` says what that is. Told are alarms that have lasted some minutes; they end by
themselves. A destination that is paused, or that a fault of ours has stopped, is neither old nor failing: that is told
as what it is. Several machines may look at once: figures are counted from the events, and one row stands for an
alarm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Min, Q, QuerySet, Sum

from answerback.core import clock, live
from answerback.outbound import alarm_policy, destinations, lanes, lost_time
from answerback.outbound.alarm_policy import SLOT, Answers, Bar
from answerback.outbound.models import Delivery, DeliveryEvent, Lane, LaneAlarm, LaneFigures
from mailroom.states import Fact

Kind = LaneAlarm.Kind
KEPT = timedelta(days=90)
_RECOUNTED = timedelta(minutes=2)
NONE_SAID = Answers()
_REFUSED = (Fact.SESSION_TRANSIENT, Fact.SESSION_PERMANENT, Fact.REPORT_FAILED)


@dataclass(frozen=True, slots=True)
class News:
    """Alarms that are to be told, and told ones that are over."""

    begun: Sequence[LaneAlarm]
    ended: Sequence[LaneAlarm]


@dataclass(frozen=True, slots=True)
class _Look:
    """What is measured of one destination and kind. `answers` only where it is about them."""

    measured: float
    bar: Bar
    over: bool
    answers: Answers = NONE_SAID


@dataclass(frozen=True, slots=True)
class Figures:
    """What there is to compare: answers by slot and destination, and since when the oldest mail is due."""

    at: datetime
    answers: Mapping[datetime, Mapping[str, Answers]]
    oldest_due: Mapping[str, datetime]


def count() -> Figures:
    """May take a while: belongs before the transaction, so that nobody waits for it.

    The slot before the present one is counted once more: an event may have been committed just after it had ended.
    """
    now = clock.now()
    slot = _slot(now)
    slots = [slot - SLOT, slot] if now - slot < _RECOUNTED else [slot]
    return Figures(now, {start: _answers(start, start + SLOT) for start in slots}, _oldest_due(now))


def look(figures: Figures) -> News:
    """Note the figures, compare, begin and end alarms. Belongs into a transaction together with the telling."""
    now = figures.at
    _note(figures)
    open_now = {(alarm.destination, Kind(alarm.kind)): alarm for alarm in current()}
    looks = _failing(now, open_now) | _old(figures, open_now) | _refusing(now, open_now)
    begun = [alarm for key, one in looks.items() if one.over and (alarm := _keep_up(key, one, open_now.get(key), now))]
    over = [alarm for key, alarm in open_now.items() if key not in looks or not looks[key].over]
    ended = [alarm for alarm in over if _end(alarm, now)]
    if begun or ended:
        live.publish(lanes.SENDING_TOPIC)
    return News(begun, ended)


def current() -> list[LaneAlarm]:
    """Alarms that last, told ones or not yet."""
    return list(LaneAlarm.objects.filter(ended_at__isnull=True).order_by("since", "pk"))


def told() -> list[LaneAlarm]:
    """Alarms that last and that people know of, the oldest first."""
    return [alarm for alarm in current() if alarm.told_at]


def history(destination: str) -> QuerySet[LaneAlarm]:
    return LaneAlarm.objects.filter(destination=destination, told_at__isnull=False).order_by("-since")


def forget_old() -> int:
    """Figures that nothing is compared with any more, and alarms of long ago."""
    now = clock.now()
    figures, _ = LaneFigures.objects.filter(start__lt=now - alarm_policy.PAST - SLOT).delete()
    return figures + LaneAlarm.objects.filter(ended_at__lt=now - KEPT).delete()[0]


# Counting


def _note(figures: Figures) -> None:
    present = _slot(figures.at)
    for start, answers in figures.answers.items():
        names = answers.keys() | (figures.oldest_due.keys() if start == present else set())
        rows = [(name, answers.get(name, NONE_SAID)) for name in sorted(names)]
        LaneFigures.objects.bulk_create(
            [LaneFigures(destination=name, start=start, taken=said.taken, refused=said.refused) for name, said in rows],
            update_conflicts=True,
            unique_fields=["destination", "start"],
            update_fields=["taken", "refused"],
        )
    for name, since in sorted(figures.oldest_due.items()):
        age = int((figures.at - since).total_seconds())
        LaneFigures.objects.filter(destination=name, start=present, oldest_due__lt=age).update(oldest_due=age)


def _slot(now: datetime) -> datetime:
    seconds = int(now.timestamp()) % int(SLOT.total_seconds())
    return now.replace(microsecond=0) - timedelta(seconds=seconds)


def _answers(start: datetime, end: datetime) -> dict[str, Answers]:
    """What servers said in that time, without faults of ours."""
    said = DeliveryEvent.objects.filter(at__gte=start, at__lt=end, ours=False)
    by_destination = said.filter(fact__in=[Fact.SESSION_ACCEPTED, *_REFUSED]).order_by().values("delivery__destination")
    rows = by_destination.annotate(
        taken=Count("pk", filter=Q(fact=Fact.SESSION_ACCEPTED)), refused=Count("pk", filter=Q(fact__in=_REFUSED))
    )
    return {row["delivery__destination"]: Answers(row["taken"], row["refused"]) for row in rows}


def _oldest_due(now: datetime) -> dict[str, datetime]:
    """Since when the oldest is due, where somebody could take it."""
    due = Delivery.objects.filter(next_attempt_at__lte=now).exclude(destination__in=_stopped().values("destination"))
    oldest = dict(due.order_by().values_list("destination").annotate(oldest=Min("next_attempt_at")))
    known = lost_time.lanes_of(oldest)
    return {name: lost_time.due_since(at, known.get(name)) for name, at in oldest.items()}


# Comparing

_Open = Mapping[tuple[str, Kind], LaneAlarm]
_Looks = dict[tuple[str, Kind], _Look]


def _failing(now: datetime, open_now: _Open) -> _Looks:
    window = _slot(now) - SLOT * (alarm_policy.WINDOW - 1)
    recent = _sums(LaneFigures.objects.filter(start__gte=window))
    asked = {name for name, said in recent.items() if said.refused >= alarm_policy.LEAST_REFUSED}
    asked |= {name for name, kind in open_now if kind is Kind.FAILING}
    asked -= set(_stopped().values_list("destination", flat=True))
    week = LaneFigures.objects.filter(start__gte=now - alarm_policy.PAST, start__lt=window)
    past = _sums(week.filter(destination__in=asked))
    looks: _Looks = {}
    for name in asked:
        alarm = open_now.get((name, Kind.FAILING))
        said = recent.get(name, NONE_SAID)
        bar = _bar_of(alarm) or alarm_policy.failing_bar(alarm_policy.usual_share(past.get(name, NONE_SAID)))
        over = alarm_policy.is_failing(bar, said, alarm is not None)
        looks[name, Kind.FAILING] = _Look(said.share, bar, over, said)
    return looks


def _old(figures: Figures, open_now: _Open) -> _Looks:
    looks: _Looks = {}
    for name, since in figures.oldest_due.items():
        age = (figures.at - since).total_seconds()
        alarm = open_now.get((name, Kind.OLD))
        if alarm is None and age < alarm_policy.LEAST_OLD:
            continue
        bar = _bar_of(alarm) or alarm_policy.old_bar(_usual_age(name, figures.at, age))
        looks[name, Kind.OLD] = _Look(age, bar, bar.is_over(age, alarm is not None))
    return looks


def _refusing(now: datetime, open_now: _Open) -> _Looks:
    looks: _Looks = {}
    for lane in Lane.objects.filter(trouble_since__isnull=False, paused_at__isnull=True):
        if lane.trouble_since and lane.destination != destinations.UNCONFIGURED:
            age = (now - lane.trouble_since).total_seconds()
            alarmed = (lane.destination, Kind.REFUSES) in open_now
            bar = alarm_policy.trouble_bar()
            looks[lane.destination, Kind.REFUSES] = _Look(age, bar, alarmed or bar.is_over(age, alarmed))
    return looks


def _stopped() -> QuerySet[Lane]:
    """Those to which nothing goes: a person has paused them, or a fault of ours lasts there."""
    return Lane.objects.filter(Q(paused_at__isnull=False) | Q(trouble_since__isnull=False))


def _sums(figures: QuerySet[LaneFigures]) -> dict[str, Answers]:
    rows = figures.order_by().values("destination").annotate(taken=Sum("taken"), refused=Sum("refused"))
    return {row["destination"]: Answers(row["taken"], row["refused"]) for row in rows}


def _usual_age(destination: str, now: datetime, age: float) -> float:
    """Of the week before what is waiting now began to wait."""
    past = LaneFigures.objects.filter(
        destination=destination, start__gte=now - alarm_policy.PAST, start__lt=now - timedelta(seconds=age) - SLOT
    )
    return alarm_policy.usual_age(list(past.values_list("oldest_due", flat=True)))


def _bar_of(alarm: LaneAlarm | None) -> Bar | None:
    return Bar(alarm.usual, alarm.bar) if alarm else None


# Beginning and ending


def _keep_up(key: tuple[str, Kind], one: _Look, alarm: LaneAlarm | None, now: datetime) -> LaneAlarm | None:
    """Begin it, or bring it up to date. Gives it where it is to be told now."""
    measured = {"measured": one.measured, "taken": one.answers.taken, "refused": one.answers.refused}
    if alarm is None:
        begun = {"since": now, "usual": one.bar.usual, "bar": one.bar.begins, **measured}
        LaneAlarm.objects.get_or_create(destination=key[0], kind=key[1], ended_at=None, defaults=begun)
        return None
    LaneAlarm.objects.filter(pk=alarm.pk).update(**measured)
    if alarm.told_at or now - alarm.since < alarm_policy.CONFIRMED_AFTER:
        return None
    untold = LaneAlarm.objects.filter(pk=alarm.pk, told_at__isnull=True)
    if not untold.update(told_at=now):
        return None
    alarm.refresh_from_db()
    return alarm


def _end(alarm: LaneAlarm, now: datetime) -> bool:
    """What nobody was told of goes without a trace. True where people have to hear that it is over."""
    lasting = LaneAlarm.objects.filter(pk=alarm.pk, ended_at__isnull=True)
    if alarm.told_at is None:
        lasting.filter(told_at__isnull=True).delete()
        return False
    return bool(lasting.update(ended_at=now))
