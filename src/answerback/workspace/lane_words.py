"""Destinations in words: where their page is, their limits, and what is wrong there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from django.utils.translation import gettext, gettext_noop, ngettext

from answerback.outbound.models import LaneAlarm
from answerback.outbound.pace import Rate

RATES = {
    "second": gettext_noop("%(count)s per second"),
    "minute": gettext_noop("%(count)s per minute"),
    "hour": gettext_noop("%(count)s per hour"),
    "day": gettext_noop("%(count)s per day"),
}
UNITS = {
    "second": gettext_noop("per second"),
    "minute": gettext_noop("per minute"),
    "hour": gettext_noop("per hour"),
    "day": gettext_noop("per day"),
}

TITLES = {
    LaneAlarm.Kind.FAILING: gettext_noop("%(destination)s refuses more mail than usual"),
    LaneAlarm.Kind.OLD: gettext_noop("Mail to %(destination)s waits longer than usual"),
    LaneAlarm.Kind.REFUSES: gettext_noop("%(destination)s refuses us, and all mail there waits"),
}


def address(destination: str) -> str:
    """Of its page."""
    return f"/delivery/destinations/{quote(destination, safe=':')}"


def rate(rate: Rate) -> str:
    return gettext(RATES[rate.unit]) % {"count": rate.messages}


def unit(unit: str) -> str:
    return gettext(UNITS[unit])


def alarm_title(data: Mapping[str, Any]) -> str:
    """Of a notice: its data."""
    return gettext(TITLES[LaneAlarm.Kind(data["alarm"])]) % {"destination": data["destination"]}


def alarm_name(alarm: LaneAlarm) -> str:
    return gettext(TITLES[LaneAlarm.Kind(alarm.kind)]) % {"destination": alarm.destination}


def alarm_measure(alarm: LaneAlarm) -> str:
    """The figures behind it, beside what is usual; "" where there are none."""
    match alarm.kind:
        case LaneAlarm.Kind.FAILING:
            said = {"refused": alarm.refused, "count": alarm.refused + alarm.taken}
            if alarm.usual is None:
                return gettext("In half an hour %(refused)s of %(count)s answers were refusals.") % said
            usual = round(alarm.usual * 100)
            words = gettext("In half an hour %(refused)s of %(count)s answers were refusals, usually %(usual)s of 100.")
            return words % (said | {"usual": usual})
        case LaneAlarm.Kind.OLD:
            words = gettext("The oldest has been due for %(now)s; usually it is at most %(usual)s.")
            return words % {"now": _minutes(alarm.measured), "usual": _minutes(alarm.usual or 0)}
    return ""


def _minutes(seconds: float) -> str:
    """Rounded up: what is waited for is never said to be shorter."""
    minutes = max(1, -int(-seconds // 60))
    return ngettext("%d minute", "%d minutes", minutes) % minutes
