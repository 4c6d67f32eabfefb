"""How days are written in the active language, wherever people read them: on pages and in mail."""

from __future__ import annotations

from datetime import datetime

from django.utils import formats, timezone

from answerback.core import clock


def day(at: datetime) -> str:
    """ "3 Nov", "3. Nov."; with the year where it is not this one."""
    shape = "j. N" if _is_german() else "j M"
    return _written(at, shape if _is_this_year(at) else f"{shape} Y")


def full_day(at: datetime) -> str:
    """ "3 November 2026", "3. November 2026"."""
    return _written(at, "j. F Y" if _is_german() else "j F Y")


def _written(at: datetime, shape: str) -> str:
    return formats.date_format(timezone.localtime(at), shape)


def _is_german() -> bool:
    """Languages that put a dot behind the number of the day."""
    return (formats.get_format("DATE_FORMAT") or "").startswith("j. ")


def _is_this_year(at: datetime) -> bool:
    return timezone.localtime(at).year == timezone.localtime(clock.now()).year
