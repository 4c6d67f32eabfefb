"""Assign the ticket to an account by id, to "current_user" (who made the update, an agent), or to nobody ("")."""

from __future__ import annotations

from answerback.people.models import Account
from answerback.rules.effects import FieldEffect
from answerback.rules.models import Trigger
from answerback.rules.update_seen import Update
from answerback.tickets.changes import Changes


def effect(trigger: Trigger, value: str, update: Update) -> FieldEffect | None:
    if value == "current_user":
        return FieldEffect(trigger, Changes(assignee=update.actor_account)) if update.actor_account else None
    if not value:
        return FieldEffect(trigger, Changes(assignee=None))
    account = Account.objects.filter(pk=value, is_active=True).first()
    return FieldEffect(trigger, Changes(assignee=account)) if account else None
