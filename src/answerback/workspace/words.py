"""Names of fields and values, in the reader's language. One table each."""

from __future__ import annotations

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as N_

STATUSES = {
    "new": N_("New"),
    "open": N_("Open"),
    "pending": N_("Pending"),
    "hold": N_("On hold"),
    "solved": N_("Solved"),
    "closed": N_("Closed"),
}
PRIORITIES = {"low": N_("Low"), "normal": N_("Normal"), "high": N_("High"), "urgent": N_("Urgent")}
TYPES = {"question": N_("Question"), "incident": N_("Incident"), "problem": N_("Problem"), "task": N_("Task")}
FIELDS = {
    "status": N_("Status"),
    "priority": N_("Priority"),
    "type": N_("Type"),
    "assignee": N_("Assignee"),
    "assignee_id": N_("Assignee"),
    "group": N_("Group"),
    "group_id": N_("Group"),
    "subject": N_("Subject"),
    "requester": N_("Requester"),
    "requester_id": N_("Requester"),
    "tags": N_("Tags"),
    "current_tags": N_("Tags"),
    "delivery": N_("Delivery"),
    "comment_is_public": N_("Comment"),
    "update_type": N_("Ticket"),
    "role": N_("Who changed it"),
}
ROLES = {"admin": N_("Administrator"), "agent": N_("Agent")}
LANGUAGES = {"en": "English", "de": "Deutsch"}
_OF = {"status": STATUSES, "priority": PRIORITIES, "type": TYPES}


def status_name(status: str) -> str:
    return gettext(STATUSES.get(status, status))


def field_name(field: str) -> str:
    return gettext(FIELDS[field]) if field in FIELDS else field


def value_name(field: str, value: object) -> str:
    """A value of a field as people say it: "hold" is "On hold", nothing is a dash."""
    if value in (None, "", []):
        return "–"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    table = _OF.get(field, {})
    return gettext(table[str(value)]) if str(value) in table else str(value)
