"""Administrators hear when a destination does worse than usual, and that it is over.

Policy: one notice for each alarm and administrator, struck when the alarm ends. No mail: perhaps it would not leave.
"""

from __future__ import annotations

from django.db import transaction

from answerback.desk.telling import notices
from answerback.outbound import alarms


def look() -> int:
    """Gives how many alarms were told or ended."""
    figures = alarms.count()
    with transaction.atomic():
        news = alarms.look(figures)
        for alarm in news.begun:
            notices.tell_lane(alarm.pk, alarm.destination, alarm.kind)
        for alarm in news.ended:
            notices.settle_lane(alarm.pk)
    return len(news.begun) + len(news.ended)
