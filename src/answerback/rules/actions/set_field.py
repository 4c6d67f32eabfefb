"""Set the ticket's status, priority or type."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from answerback.rules.definition import Action, Kind
from answerback.rules.effects import FieldEffect, Rule
from answerback.rules.update_seen import Update
from answerback.tickets.changes import Changes
from answerback.tickets.words import PRIORITIES, STATUSES, TYPES


def status(rule: Rule, value: str, update: Update) -> FieldEffect:
    return FieldEffect(rule, Changes(status=value))


def priority(rule: Rule, value: str, update: Update) -> FieldEffect:
    return FieldEffect(rule, Changes(priority=value))


def ticket_type(rule: Rule, value: str, update: Update) -> FieldEffect:
    return FieldEffect(rule, Changes(type=value))


_NONE = {"": gettext_noop("none")}
ACTIONS = [
    Action(field="status", title=gettext_noop("Status"), kind=Kind.CHOICE, choices=STATUSES, effect=status),
    Action(
        field="priority", title=gettext_noop("Priority"), kind=Kind.CHOICE, choices=_NONE | PRIORITIES, effect=priority
    ),
    Action(field="type", title=gettext_noop("Type"), kind=Kind.CHOICE, choices=_NONE | TYPES, effect=ticket_type),
]
