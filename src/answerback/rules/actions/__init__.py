"""Actions of triggers, one file each: `effect(trigger, value, update) -> Effect | None`. Names are Zendesk's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from answerback.rules.actions import assign, notify_group, notify_user, set_field, set_group, set_tags
from answerback.rules.effects import Effect
from answerback.rules.models import Trigger
from answerback.rules.update_seen import Update

Action = Callable[[Trigger, Any, Update], Effect | None]

ACTIONS: dict[str, Action] = {
    "status": set_field.status,
    "priority": set_field.priority,
    "type": set_field.ticket_type,
    "assignee_id": assign.effect,
    "group_id": set_group.effect,
    "set_tags": set_tags.replace,
    "current_tags": set_tags.add,
    "remove_tags": set_tags.remove,
    "notification_user": notify_user.effect,
    "notification_group": notify_group.effect,
}
