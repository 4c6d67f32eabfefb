"""Set the ticket's status, priority or type."""

from __future__ import annotations

from answerback.rules.effects import FieldEffect
from answerback.rules.models import Trigger
from answerback.rules.update_seen import Update
from answerback.tickets.changes import Changes


def status(trigger: Trigger, value: str, update: Update) -> FieldEffect:
    return FieldEffect(trigger, Changes(status=value))


def priority(trigger: Trigger, value: str, update: Update) -> FieldEffect:
    return FieldEffect(trigger, Changes(priority=value))


def ticket_type(trigger: Trigger, value: str, update: Update) -> FieldEffect:
    return FieldEffect(trigger, Changes(type=value))
