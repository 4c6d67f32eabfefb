"""Hand the ticket to a group by id; "" is none."""

from __future__ import annotations

from answerback.people.models import Group
from answerback.rules.effects import FieldEffect
from answerback.rules.models import Trigger
from answerback.rules.update_seen import Update
from answerback.tickets.changes import Changes


def effect(trigger: Trigger, value: str, update: Update) -> FieldEffect | None:
    group = Group.objects.filter(pk=value).first() if value else None
    return FieldEffect(trigger, Changes(group=group)) if group or not value else None
