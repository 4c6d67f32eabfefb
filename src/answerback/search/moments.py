"""Times as people write them in a search: a day, a moment, or how long ago."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db.models import Q
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from answerback.core import clock

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_AGO = re.compile(r"(\d{1,5})\s*(minute|hour|day|week|month|year)s?", re.I)
_LENGTHS = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
    "month": timedelta(days=30),
    "year": timedelta(days=365),
}
_WORDS = {"today": 0, "yesterday": 1}


@dataclass(frozen=True)
class Span:
    """From `start` up to, but without, `end`. Of a moment both are the same."""

    start: datetime
    end: datetime


def read(text: str) -> Span | None:
    """None for what is no time. "2days" is the moment two days ago."""
    text = text.strip()
    if found := _AGO.fullmatch(text):
        return _ago(int(found[1]), found[2].lower())
    if text.lower() in _WORDS:
        return _day(timezone.localdate(clock.now()) - timedelta(days=_WORDS[text.lower()]))
    try:
        if _DAY.fullmatch(text):
            return _day(date.fromisoformat(text))
        moment = parse_datetime(text)
    except (ValueError, OverflowError):
        return None
    return _moment(moment) if moment else None


def where(column: str, operator: str, span: Span) -> Q:
    """`>` a day is after it, `>=` from its start on; `:` within it."""
    match operator:
        case "<":
            return Q(**{f"{column}__lt": span.start})
        case "<=":
            return Q(**{f"{column}__lt": span.end}) if span.end > span.start else Q(**{f"{column}__lte": span.start})
        case ">":
            return Q(**{f"{column}__gte": span.end}) if span.end > span.start else Q(**{f"{column}__gt": span.start})
        case ">=":
            return Q(**{f"{column}__gte": span.start})
    if span.end > span.start:
        return Q(**{f"{column}__gte": span.start, f"{column}__lt": span.end})
    return Q(**{f"{column}__gte": span.start})  # "created:4hours": within the last four hours


def _day(day: date) -> Span | None:
    try:
        start = timezone.make_aware(datetime.combine(day, time.min))
        return Span(start, timezone.make_aware(datetime.combine(day + timedelta(days=1), time.min)))
    except OverflowError:
        return None


def _moment(moment: datetime) -> Span | None:
    try:
        aware = moment if timezone.is_aware(moment) else timezone.make_aware(moment)
        aware = aware.astimezone(timezone.get_current_timezone())
    except (OverflowError, ValueError):
        return None
    return Span(aware, aware)


def _ago(number: int, unit: str) -> Span | None:
    try:
        moment = clock.now() - number * _LENGTHS[unit]
    except OverflowError:
        return None
    return Span(moment, moment)
