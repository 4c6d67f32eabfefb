"""When somebody who is away says to be back: the day that an absence note names, in English or German.

Policy: a day counts only behind a word that makes it the end of an absence ("until", "back on", "bis", "ab dem"), and
only within a year. A day without a year is the next one of that name. 5/6/2026 is told by nobody which of the two it
is, so it is not read. Of several the last counts: "until 14 August, and again until 20 August".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

MAX_TEXT: Final = 4000  # characters looked at; below stands what was answered
WITHIN: Final = timedelta(days=366)

_MONTHS: Final = {
    name: number
    for number, names in enumerate(
        (
            ("january", "januar", "jänner", "jan"),
            ("february", "februar", "feber", "feb"),
            ("march", "märz", "maerz", "mar", "mär"),
            ("april", "apr"),
            ("may", "mai"),
            ("june", "juni", "jun"),
            ("july", "juli", "jul"),
            ("august", "aug"),
            ("september", "sept", "sep"),
            ("october", "oktober", "oct", "okt"),
            ("november", "nov"),
            ("december", "dezember", "dec", "dez"),
        ),
        start=1,
    )
    for name in names
}
_MONTH: Final = "(?P<month>" + "|".join(sorted(_MONTHS, key=len, reverse=True)) + r")\b\.?"
_YEAR: Final = r"(?:,?\s{0,3}(?P<year>20\d\d))?"
_WEEKDAY: Final = r"(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day|(?:mon|diens|donners|frei|sams|sonn)tag|mittwoch)?"
_END: Final = (
    r"\b(?:until|till|through|back(?: (?:in the office|at work))?(?: on| from)?|return(?:ing)?(?: on)?"
    r"|bis(?: einschließlich| einschliesslich| zum)?|ab(?: dem)?|wieder(?: da| erreichbar| im büro)?(?: am| ab)?)"
    r"[\s,]{1,3}" + _WEEKDAY + r"[\s,]{0,3}(?:the |dem |den )?"
)
_DAY: Final = r"(?P<day>[0-3]?\d)"
_FORMS: Final = tuple(
    re.compile(_END + form, re.IGNORECASE)
    for form in (
        _DAY + r"(?:st|nd|rd|th|\.)?\s{0,3}(?:of )?" + _MONTH + _YEAR,
        _MONTH + r"\s{1,3}" + _DAY + r"(?:st|nd|rd|th)?\b" + _YEAR,
        _DAY + r"\.\s?(?P<number>[01]?\d)\.(?:\s?(?P<year>(?:20)?\d\d)\b)?",
        r"(?P<year>20\d\d)-(?P<number>[01]\d)-(?P<day>[0-3]\d)\b",
    )
)


def back_on(text: str, written: date) -> date | None:
    """The day that the note of `written` names as the end of an absence."""
    days = [day for day in _days(text[:MAX_TEXT], written) if written <= day <= written + WITHIN]
    return max(days, default=None)


def _days(text: str, written: date) -> Iterator[date]:
    for form in _FORMS:
        for match in form.finditer(text):
            said = match.groupdict()
            month = _MONTHS[said["month"].lower()] if said.get("month") else int(said["number"])
            if said["year"]:
                year = int(said["year"]) % 100 + 2000
                candidates = [year]
            else:
                candidates = [written.year, written.year + 1]
            found = [day for year in candidates if (day := _date(year, month, int(said["day"]))) and day >= written]
            yield from found[:1]


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
