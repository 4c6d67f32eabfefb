"""`/delivery/reports`: how mail went, over time and by what failures have in common. Each figure leads to its list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import formats, timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from answerback.core import dates
from answerback.desk.telling import notices as desk_notices
from answerback.outbound import standing
from answerback.outbound.models import Message
from answerback.reports import failed_mail, over_time, time_to_fix
from answerback.reports.mail_events import ACCEPTED, BOUNCED, COMPLAINT, DEFERRED, FAILED, REFUSED
from answerback.reports.over_time import Bucket, Period
from answerback.workspace import bar_chart, csv_file
from answerback.workspace.access import supervisor_required
from answerback.workspace.bar_chart import Chart

PERIODS = {
    "24h": gettext_noop("24 hours"),
    "7d": gettext_noop("7 days"),
    "30d": gettext_noop("30 days"),
    "90d": gettext_noop("90 days"),
}
KINDS = {
    "": gettext_noop("All mail"),
    Message.Kind.ANSWER: gettext_noop("Answers"),
    Message.Kind.AUTOMATIC: gettext_noop("Automatic mail"),
    Message.Kind.AGENT: gettext_noop("Mail to agents"),
}
WHAT = {
    ACCEPTED: gettext_noop("Accepted"),
    DEFERRED: gettext_noop("Deferred"),
    REFUSED: gettext_noop("Refused or given up"),
    BOUNCED: gettext_noop("Bounced"),
    COMPLAINT: gettext_noop("Complaints"),
}
GROUPINGS = {
    "cause": gettext_noop("Failures by cause"),
    "domain": gettext_noop("Failures by domain of the recipient"),
    "trigger": gettext_noop("Failures by trigger"),
    "address": gettext_noop("Failures by support address"),
}
_CHARTS = ((ACCEPTED,), (REFUSED, BOUNCED, COMPLAINT), (DEFERRED,))
TOP = 10


@dataclass(frozen=True)
class Figure:
    """A number and the list behind it."""

    count: int
    url: str
    series: str = ""


@dataclass(frozen=True)
class Line:
    """A row of a table: each figure with the title of its column."""

    name: str
    figures: Sequence[tuple[str, Figure]]


@dataclass(frozen=True)
class ShareLine:
    name: str
    count: int
    percent: int
    url: str
    tickets_url: str  # "" where no search for tickets says the same


@dataclass(frozen=True)
class Table:
    key: str
    title: str
    lines: Sequence[ShareLine]
    more: int


@dataclass(frozen=True)
class Times:
    """`steps` are (what, share in percent)."""

    title: str
    median: str
    done: int
    total: int
    steps: Sequence[tuple[str, int]]


@supervisor_required
def reports(request: HttpRequest) -> HttpResponse:
    within, kind = _asked(request)
    buckets = over_time.count(within, kind)
    totals = over_time.totals(buckets)
    context = {
        "section": "delivery",
        "period": within,
        "kind": kind,
        "periods": [(key, _(title)) for key, title in PERIODS.items()],
        "kinds": [(key, _(title)) for key, title in KINDS.items()],
        "series": [(key, _(title)) for key, title in WHAT.items()],
        "totals": [
            (_(title), Figure(totals[key], _list_url(within.start, within.end, key, kind), key))
            for key, title in WHAT.items()
        ],
        "charts": [_chart(series, buckets) for series in _CHARTS],
        "first": _name(within, buckets[0]),
        "last": _name(within, buckets[-1]),
        "lines": [_line(within, bucket, kind) for bucket in reversed(buckets)],
        "tables": [_table(grouping, within, kind) for grouping in GROUPINGS],
        "times": _times(within),
        "query": urlencode({"period": within.name, "kind": kind}),
    }
    return render(request, "delivery/reports.html", context)


@supervisor_required
def export(request: HttpRequest, table: str) -> HttpResponse:
    """`table`: time, or one of GROUPINGS."""
    within, kind = _asked(request)
    if table == "time":
        buckets = over_time.count(within, kind)
        rows = [[timezone.localtime(one.start), *map(one.count, over_time.SERIES)] for one in buckets]
        return csv_file.response("mail-over-time", ["start", *over_time.SERIES], rows)
    if table not in GROUPINGS:
        raise Http404
    shares = failed_mail.by(table, within, kind)
    return csv_file.response(
        f"failures-by-{table}", [table, "failures", "percent"], [(one.name, one.count, one.percent) for one in shares]
    )


def _asked(request: HttpRequest) -> tuple[Period, str]:
    kind = request.GET.get("kind", "")
    return over_time.period(request.GET.get("period", "")), kind if kind in KINDS else ""


def _chart(series: Sequence[str], buckets: Sequence[Bucket]) -> tuple[list[tuple[str, str]], Chart]:
    """With the names of its series."""
    names = [(name, _(WHAT[name])) for name in series]
    return names, bar_chart.draw(series, [[bucket.counts[name] for name in series] for bucket in buckets])


def _line(within: Period, bucket: Bucket, kind: str) -> Line:
    figures = [
        (_(WHAT[name]), Figure(bucket.counts[name], _list_url(bucket.start, bucket.end, name, kind), name))
        for name in over_time.SERIES
    ]
    return Line(_name(within, bucket), figures)


def _name(within: Period, bucket: Bucket) -> str:
    if within.hourly:
        return formats.date_format(timezone.localtime(bucket.start), "H:i")
    return dates.day(bucket.start)


def _table(grouping: str, within: Period, kind: str) -> Table:
    shares = failed_mail.by(grouping, within, kind)
    lines = [
        ShareLine(
            name=_group_name(grouping, share.name),
            count=share.count,
            percent=share.percent,
            url=_list_url(within.start, within.end, FAILED, kind, **{grouping: share.name}),
            tickets_url=_tickets_url(grouping, share.name),
        )
        for share in shares[:TOP]
    ]
    return Table(grouping, _(GROUPINGS[grouping]), lines, len(shares) - len(lines))


def _group_name(grouping: str, name: str) -> str:
    if grouping == "cause":
        return cause_title(name)
    if grouping == "trigger":
        return _(name) if name else _("no trigger")
    return name or "–"


def cause_title(cause: str) -> str:
    words = standing.cause_name(cause)
    return words[:1].upper() + words[1:]


def _tickets_url(grouping: str, name: str) -> str:
    """Tickets on which that failure is still open."""
    if grouping != "cause" or not name:
        return ""
    return "/search?" + urlencode({"q": f"cause:{name} delivery:open"})


def _list_url(since: Any, until: Any, what: str, kind: str, **group: str) -> str:
    asked = {"what": what, "since": since.isoformat(), "until": until.isoformat()} | ({"kind": kind} if kind else {})
    return "/delivery/log?" + urlencode(asked | group)


def _times(within: Period) -> list[Times]:
    noticed = time_to_fix.of(desk_notices.times_to_notice(within.start, within.end))
    return [
        _times_of(_("Until somebody noticed"), noticed),
        _times_of(_("Until it was put right"), time_to_fix.fixed(within)),
    ]


def _times_of(title: str, found: time_to_fix.Times) -> Times:
    steps = [
        (_("within %s") % _duration(step), round(100 * count / found.total) if found.total else 0)
        for step, count in zip(time_to_fix.STEPS, found.within, strict=True)
    ]
    return Times(title, _duration(found.median) if found.median is not None else "–", found.done, found.total, steps)


def _duration(time: timedelta) -> str:
    """In the unit that says it best: "40 seconds", "12 minutes", "3 hours", "2 days"."""
    seconds = int(time.total_seconds())
    if seconds < 60:
        return ngettext("%d second", "%d seconds", seconds) % seconds
    if seconds < 3600:
        return ngettext("%d minute", "%d minutes", seconds // 60) % (seconds // 60)
    if seconds < 48 * 3600:
        return ngettext("%d hour", "%d hours", seconds // 3600) % (seconds // 3600)
    return ngettext("%d day", "%d days", seconds // 86400) % (seconds // 86400)
