"""Tell agents in the workspace: [recipient, text], the text as text or as {language: text}."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from answerback.rules.actions.notify_user import AGENTS, by_id, localised
from answerback.rules.definition import Action, Kind
from answerback.rules.effects import Localised, NoticeEffect, Rule
from answerback.rules.update_seen import Update


def effect(rule: Rule, value: list[str | Localised], update: Update) -> NoticeEffect | None:
    recipient, text = value
    if recipient == "group_id":
        if not update.ticket.group_id:
            return None
        recipient = f"group:{update.ticket.group_id}"
    return NoticeEffect(rule, by_id(str(recipient)), localised(text))


ACTION = Action(
    field="notify",
    title=gettext_noop("Tell in the workspace"),
    kind=Kind.NOTICE,
    choices=AGENTS | {"group_id": gettext_noop("the ticket's group")},
    effect=effect,
)
