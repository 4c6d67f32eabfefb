"""Mail to the members of a group: [group id or "group_id" for the ticket's own, subject, body]."""

from __future__ import annotations

from answerback.rules.actions.notify_user import localised
from answerback.rules.effects import Localised, NotifyEffect
from answerback.rules.models import Trigger
from answerback.rules.update_seen import Update


def effect(trigger: Trigger, value: list[str | Localised], update: Update) -> NotifyEffect | None:
    group, subject, body = value
    group_id = update.ticket.group_id if group == "group_id" else group
    if not group_id:
        return None
    return NotifyEffect(trigger, f"group:{group_id}", localised(subject), localised(body))
