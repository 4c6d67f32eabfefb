"""Assign the ticket to an account by id, to "current_user" (who made the update, an agent), or to nobody ("")."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from answerback.people.models import Account
from answerback.rules.definition import Action, Kind
from answerback.rules.effects import FieldEffect, Rule
from answerback.rules.update_seen import Update
from answerback.tickets.changes import Changes


def effect(rule: Rule, value: str, update: Update) -> FieldEffect | None:
    if value == "current_user":
        return FieldEffect(rule, Changes(assignee=update.actor_account)) if update.actor_account else None
    if not value:
        return FieldEffect(rule, Changes(assignee=None))
    account = Account.objects.filter(pk=value, is_active=True).first()
    return FieldEffect(rule, Changes(assignee=account)) if account else None


ACTION = Action(
    field="assignee_id",
    title=gettext_noop("Assignee"),
    kind=Kind.AGENT,
    choices={"": gettext_noop("nobody"), "current_user": gettext_noop("the agent who changed it")},
    effect=effect,
)
