"""Failures of a period, counted by what they have in common. One query each, of events that failed in that time."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, F, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Lower, StrIndex, Substr

from answerback.reports import mail_events
from answerback.reports.mail_events import FAILED, Wanted
from answerback.reports.over_time import Period

GROUPINGS: dict[str, Combinable] = {
    "cause": F("cause"),
    "domain": Lower(Substr("delivery__recipient", StrIndex("delivery__recipient", Value("@")) + 1)),
    "trigger": F("delivery__message__trigger_title"),
    "address": Coalesce(F("delivery__message__support_address__address"), Value("")),
}
MOST = 500  # groups that are told


@dataclass(frozen=True)
class Share:
    """`percent` of all failures of the period."""

    name: str
    count: int
    percent: int


def by(grouping: str, within: Period, kind: str = "") -> list[Share]:
    """Biggest first. `grouping` is a key of GROUPINGS."""
    rows = mail_events.find(Wanted(within.start, within.end, what=FAILED, kind=kind)).order_by()
    groups = rows.values(group=GROUPINGS[grouping]).annotate(count=Count("pk")).order_by("-count", "group")
    found = [(str(row["group"]), int(row["count"])) for row in groups[:MOST]]
    total = sum(count for _, count in found)
    return [Share(name, count, round(100 * count / total)) for name, count in found]
