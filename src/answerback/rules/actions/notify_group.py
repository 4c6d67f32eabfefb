"""Mail to the members of a group: [group id or "group_id" for the ticket's own, subject, body]."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from answerback.rules.actions.notify_user import localised
from answerback.rules.definition import Action, Kind
from answerback.rules.effects import Localised, NotifyEffect, Rule
from answerback.rules.update_seen import Update


def effect(rule: Rule, value: list[str | Localised], update: Update) -> NotifyEffect | None:
    group, subject, body = value
    group_id = update.ticket.group_id if group == "group_id" else group
    if not group_id:
        return None
    return NotifyEffect(rule, f"group:{group_id}", localised(subject), localised(body))


ACTION = Action(
    field="notification_group",
    title=gettext_noop("Send an e-mail to the group"),
    kind=Kind.GROUP_MAIL,
    choices={"group_id": gettext_noop("the ticket's group")},
    effect=effect,
)
