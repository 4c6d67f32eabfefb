"""Wake the ticket: pending, on-hold and solved become open; new, open and closed stay what they are."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from answerback.rules.definition import Action, Kind
from answerback.rules.effects import FieldEffect, Rule
from answerback.rules.update_seen import Update
from answerback.tickets.changes import Changes
from answerback.tickets.models import Ticket

Status = Ticket.Status


def effect(rule: Rule, value: str, update: Update) -> FieldEffect | None:
    if update.ticket.status not in (Status.PENDING, Status.HOLD, Status.SOLVED):
        return None
    return FieldEffect(rule, Changes(status=Status.OPEN))


ACTION = Action(field="reopen", title=gettext_noop("Reopen the ticket"), kind=Kind.NONE, effect=effect)
