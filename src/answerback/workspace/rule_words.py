"""Conditions and actions of triggers as sentences, for reading."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from answerback.workspace import words

FIELDS = {
    "role": gettext_noop("Who changed it"),
    "comment_is_public": gettext_noop("Comment"),
    "update_type": gettext_noop("Ticket"),
    "assignee_id": gettext_noop("Assignee"),
    "group_id": gettext_noop("Group"),
    "status": gettext_noop("Status"),
    "priority": gettext_noop("Priority"),
    "type": gettext_noop("Type"),
    "current_tags": gettext_noop("Tags"),
    "set_tags": gettext_noop("Tags"),
    "requester_id": gettext_noop("Requester"),
    "delivery": gettext_noop("Delivery failure"),
    "notification_user": gettext_noop("Send an e-mail to"),
    "notification_group": gettext_noop("Send an e-mail to the group"),
}
OPERATORS = {
    "is": gettext_noop("is"),
    "is_not": gettext_noop("is not"),
    "changed": gettext_noop("has changed"),
    "not_changed": gettext_noop("has not changed"),
    "value": gettext_noop("became"),
    "value_previous": gettext_noop("was before"),
    "less_than": gettext_noop("is below"),
    "greater_than": gettext_noop("is above"),
    "includes": gettext_noop("contains"),
    "not_includes": gettext_noop("does not contain"),
}
WITHOUT_VALUE = {"changed", "not_changed"}
VALUES = {
    ("role", "agent"): gettext_noop("an agent"),
    ("role", "end_user"): gettext_noop("an end user"),
    ("comment_is_public", "true"): gettext_noop("public"),
    ("comment_is_public", "false"): gettext_noop("internal"),
    ("comment_is_public", "not_relevant"): gettext_noop("public or internal"),
    ("update_type", "Create"): gettext_noop("created"),
    ("update_type", "Change"): gettext_noop("changed"),
    ("delivery", "answer"): gettext_noop("of an agent's answer"),
    ("delivery", "automatic"): gettext_noop("of automatic mail"),
}
PEOPLE = {
    "": gettext_noop("nobody"),
    "current_user": gettext_noop("the agent who changed it"),
    "requester_id": gettext_noop("the requester"),
    "requester_and_ccs": gettext_noop("the requester and the CCs"),
    "assignee_id": gettext_noop("the assignee"),
    "group_id": gettext_noop("the ticket's group"),
    "all_agents": gettext_noop("all agents"),
    "supervisors": gettext_noop("the supervisors"),
}


def condition(row: dict[str, Any]) -> str:
    name, operator = row.get("field", ""), row.get("operator", "is")
    parts = [_name(name), _(OPERATORS[operator]) if operator in OPERATORS else operator]
    if operator not in WITHOUT_VALUE:
        parts.append(value(name, row.get("value", "")))
    return " ".join(parts)


def action(row: dict[str, Any], language: str) -> str:
    """What a trigger does: a field it sets, or a mail with its subject in the reader's language."""
    name, given = row.get("field", ""), row.get("value", "")
    if isinstance(given, list) and given:
        subject = given[1] if len(given) > 1 else ""
        text = (subject.get(language) or subject.get("", "")) if isinstance(subject, dict) else str(subject)
        return f"{_name(name)} {value(name, given[0])}" + (f": “{text}”" if text else "")
    return f"{_name(name)}: {value(name, given)}"


def value(name: str, given: Any) -> str:
    text = str(given)
    if (name, text) in VALUES:
        return _(VALUES[name, text])
    if text in PEOPLE and (text or name.endswith("_id")):
        return _(PEOPLE[text])
    return words.value_name(name, text)


def _name(name: str) -> str:
    return _(FIELDS[name]) if name in FIELDS else words.field_name(name)
