"""What the workers do right now, and what servers last refused: noted by their engines, read by pages and verbs.

Policy: it is there to be looked at. Nothing is decided by it, it is a few seconds old, and where it cannot be noted no
mail waits for it. What a worker has not confirmed for a minute is not true any more: it has gone without a word.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max, QuerySet, Sum

from answerback.core import clock, db
from answerback.outbound import cause_rules, lanes
from answerback.outbound.models import Traffic
from mailroom.causes.classify import classify
from mailroom.report import DeliveryReport

STALE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Use:
    """The sessions of one worker at one destination, or of all workers there."""

    sessions: int
    sessions_allowed: int
    silent: bool


@dataclass(frozen=True, slots=True)
class Refusal:
    """What was last said about a mail to a destination, where it was not taken."""

    report: DeliveryReport
    at: datetime


def note(owner: str, uses: Mapping[str, Use], refusals: Mapping[str, Refusal]) -> None:
    """All that `owner` does now; what it did elsewhere before is over."""
    now = clock.now()
    rows = [
        Traffic(
            destination=destination,
            owner=owner,
            sessions=use.sessions,
            sessions_allowed=use.sessions_allowed,
            silent=use.silent,
            noted_at=now,
        )
        for destination, use in uses.items()
    ]
    own = cause_rules.current() if refusals else ()
    with transaction.atomic():
        Traffic.objects.filter(owner=owner).delete()
        Traffic.objects.filter(noted_at__lt=now - STALE).delete()
        Traffic.objects.bulk_create(rows)
        for destination, refusal in sorted(refusals.items()):
            said = db.storable(refusal.report.diagnostic, lanes.ERROR_LENGTH)
            lanes.note_error(destination, said, classify(refusal.report, own).cause, refusal.at)


def uses() -> dict[str, Use]:
    """By destination, of all workers together."""
    found = _fresh().values("destination").annotate(open=Sum("sessions"), most=Sum("sessions_allowed"))
    silent = set(_fresh().filter(silent=True).values_list("destination", flat=True))
    return {row["destination"]: Use(row["open"], row["most"], row["destination"] in silent) for row in found}


def last_noted() -> datetime | None:
    """When a worker last told what it does; None where none has for a minute."""
    return _fresh().aggregate(last=Max("noted_at"))["last"]


def _fresh() -> QuerySet[Traffic]:
    return Traffic.objects.filter(noted_at__gte=clock.now() - STALE)
