"""Destinations in words: their limits."""

from __future__ import annotations

from django.utils.translation import gettext, gettext_noop

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


def rate(rate: Rate) -> str:
    return gettext(RATES[rate.unit]) % {"count": rate.messages}


def unit(unit: str) -> str:
    return gettext(UNITS[unit])
