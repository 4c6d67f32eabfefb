"""Names of fields and values, in the reader's language. One table each."""

from __future__ import annotations

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _n

STATUSES = {
    "new": _n("New"),
    "open": _n("Open"),
    "pending": _n("Pending"),
    "hold": _n("On hold"),
    "solved": _n("Solved"),
    "closed": _n("Closed"),
}
PRIORITIES = {"low": _n("Low"), "normal": _n("Normal"), "high": _n("High"), "urgent": _n("Urgent")}
TYPES = {"question": _n("Question"), "incident": _n("Incident"), "problem": _n("Problem"), "task": _n("Task")}
FIELDS = {
    "status": _n("Status"),
    "priority": _n("Priority"),
    "type": _n("Type"),
    "assignee": _n("Assignee"),
    "assignee_id": _n("Assignee"),
    "group": _n("Group"),
    "group_id": _n("Group"),
    "subject": _n("Subject"),
    "requester": _n("Requester"),
    "requester_id": _n("Requester"),
    "tags": _n("Tags"),
    "current_tags": _n("Tags"),
    "delivery": _n("Delivery"),
    "comment_is_public": _n("Comment"),
    "update_type": _n("Ticket"),
    "role": _n("Who changed it"),
}
ROLES = {"admin": _n("Administrator"), "agent": _n("Agent")}
VIAS = {
    "email": _n("by e-mail"),
    "web": _n("in the workspace"),
    "api": _n("by the API"),
    "rule": _n("by a trigger"),
    "system": _n("by itself"),
}
LANGUAGES = {"en": "English", "de": "Deutsch"}
_OF = {"status": STATUSES, "priority": PRIORITIES, "type": TYPES}


def status_name(status: str) -> str:
    return gettext(STATUSES.get(status, status))


def field_name(field: str) -> str:
    return gettext(FIELDS[field]) if field in FIELDS else field


def via_name(via: str) -> str:
    return gettext(VIAS.get(via, via))


def value_name(field: str, value: object) -> str:
    """A value of a field as people say it: "hold" is "On hold", nothing is a dash."""
    if value in (None, "", []):
        return "–"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    table = _OF.get(field, {})
    return gettext(table[str(value)]) if str(value) in table else str(value)
