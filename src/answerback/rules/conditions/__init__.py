"""Conditions of triggers, one file each: `holds(update, operator, value) -> bool`. Names are Zendesk's."""

from __future__ import annotations

from collections.abc import Callable

from answerback.rules.conditions import (
    assignee,
    comment_is_public,
    comment_words,
    delivery,
    group,
    priority,
    recipient,
    requester,
    role,
    status,
    subject_words,
    tags,
    ticket_type,
    update_type,
    via,
)
from answerback.rules.update_seen import Update

Condition = Callable[[Update, str, str], bool]

CONDITIONS: dict[str, Condition] = {
    "update_type": update_type.holds,
    "role": role.holds,
    "via_id": via.holds,
    "status": status.holds,
    "priority": priority.holds,
    "type": ticket_type.holds,
    "group_id": group.holds,
    "assignee_id": assignee.holds,
    "requester_id": requester.holds,
    "recipient": recipient.holds,
    "current_tags": tags.holds,
    "comment_is_public": comment_is_public.holds,
    "subject_includes_word": subject_words.holds,
    "comment_includes_word": comment_words.holds,
    "delivery": delivery.holds,
}
