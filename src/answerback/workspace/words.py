"""Names of fields and values, in the reader's language. One table each."""

from __future__ import annotations

from django.utils.translation import gettext, gettext_noop

from answerback.tickets.words import PRIORITIES, STATUSES, TYPES

FIELDS = {
    "status": gettext_noop("Status"),
    "priority": gettext_noop("Priority"),
    "type": gettext_noop("Type"),
    "assignee": gettext_noop("Assignee"),
    "assignee_id": gettext_noop("Assignee"),
    "group": gettext_noop("Group"),
    "group_id": gettext_noop("Group"),
    "subject": gettext_noop("Subject"),
    "requester": gettext_noop("Requester"),
    "requester_id": gettext_noop("Requester"),
    "merged_into_id": gettext_noop("Merged into"),
    "tags": gettext_noop("Tags"),
    "current_tags": gettext_noop("Tags"),
    "delivery": gettext_noop("Delivery"),
    "comment_is_public": gettext_noop("Comment"),
    "update_type": gettext_noop("Ticket"),
    "role": gettext_noop("Who changed it"),
}
ROLES = {"admin": gettext_noop("Administrator"), "agent": gettext_noop("Agent")}
VIAS = {
    "email": gettext_noop("by e-mail"),
    "web": gettext_noop("in the workspace"),
    "api": gettext_noop("by the API"),
    "rule": gettext_noop("by a trigger"),
    "system": gettext_noop("by itself"),
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
