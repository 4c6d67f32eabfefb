"""Hours since something happened, for automations. Names are Zendesk's; `failed_at` and `HOLD` are ours.

Since a status: the ticket has to be in it still. What never happened is no number of hours ago: it never holds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from django.db.models import Q
from django.utils.translation import gettext_noop

from answerback.core import clock
from answerback.rules.definition import Condition, Kind, Use
from answerback.rules.update_seen import Update
from answerback.tickets.models import Ticket

# field -> (column, status the ticket has to be in; "" any)
SINCE: Mapping[str, tuple[str, str]] = {
    "NEW": ("created_at", ""),
    "OPEN": ("status_at", Ticket.Status.OPEN),
    "PENDING": ("status_at", Ticket.Status.PENDING),
    "HOLD": ("status_at", Ticket.Status.HOLD),
    "SOLVED": ("status_at", Ticket.Status.SOLVED),
    "assigned_at": ("assigned_at", ""),
    "updated_at": ("updated_at", ""),
    "requester_updated_at": ("requester_updated_at", ""),
    "assignee_updated_at": ("assignee_updated_at", ""),
    "failed_at": ("failed_at", ""),
}
_TITLES = {
    "NEW": gettext_noop("Hours since created"),
    "OPEN": gettext_noop("Hours since open"),
    "PENDING": gettext_noop("Hours since pending"),
    "HOLD": gettext_noop("Hours since on hold"),
    "SOLVED": gettext_noop("Hours since solved"),
    "assigned_at": gettext_noop("Hours since assigned"),
    "updated_at": gettext_noop("Hours since update"),
    "requester_updated_at": gettext_noop("Hours since requester update"),
    "assignee_updated_at": gettext_noop("Hours since assignee update"),
    "failed_at": gettext_noop("Hours since delivery failed"),
}


def rows(field: str, operator: str, value: str) -> Q:
    """The same as a question to the database."""
    column, status = SINCE[field]
    earliest, latest = _window(operator, value)
    found = Q(**{f"{column}__isnull": False})
    if status:
        found &= Q(status=status)
    if earliest is not None:
        found &= Q(**{f"{column}__gt": clock.now() - earliest})
    if latest is not None:
        found &= Q(**{f"{column}__lte": clock.now() - latest})
    return found if earliest is not None or latest is not None else Q(pk__in=[])


def _window(operator: str, value: str) -> tuple[timedelta | None, timedelta | None]:
    """(younger than, at least as old as). An hour is what has begun: "is 4" holds from 4:00 to 4:59."""
    if not value.isdigit():
        return None, None
    hours = timedelta(hours=int(value))
    match operator:
        case "is":
            return hours + timedelta(hours=1), hours
        case "less_than":
            return hours, None
        case "greater_than":
            return None, hours
    return None, None


def _since(field: str) -> Callable[[Update, str, str], bool]:
    column, status = SINCE[field]

    def holds(update: Update, operator: str, value: str) -> bool:
        moment = getattr(update.ticket, column)
        if moment is None or (status and update.ticket.status != status):
            return False
        earliest, latest = _window(operator, value)
        age = clock.now() - moment
        if earliest is None and latest is None:
            return False
        return (earliest is None or age < earliest) and (latest is None or age >= latest)

    return holds


CONDITIONS = [
    Condition(
        field=field,
        title=title,
        kind=Kind.HOURS,
        operators=("greater_than", "less_than", "is"),
        uses=(Use.AUTOMATION,),
        holds=_since(field),
    )
    for field, title in _TITLES.items()
]
