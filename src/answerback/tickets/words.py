"""What statuses, priorities and types are called: msgids, translated where they are shown."""

from __future__ import annotations

from django.utils.translation import gettext_noop

STATUSES = {
    "new": gettext_noop("New"),
    "open": gettext_noop("Open"),
    "pending": gettext_noop("Pending"),
    "hold": gettext_noop("On hold"),
    "solved": gettext_noop("Solved"),
    "closed": gettext_noop("Closed"),
}
PRIORITIES = {
    "low": gettext_noop("Low"),
    "normal": gettext_noop("Normal"),
    "high": gettext_noop("High"),
    "urgent": gettext_noop("Urgent"),
}
TYPES = {
    "question": gettext_noop("Question"),
    "incident": gettext_noop("Incident"),
    "problem": gettext_noop("Problem"),
    "task": gettext_noop("Task"),
}
