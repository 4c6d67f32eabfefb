"""Hand the ticket to a group by id; "" is none."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from answerback.people.models import Group
from answerback.rules.definition import Action, Kind
from answerback.rules.effects import FieldEffect, Rule
from answerback.rules.update_seen import Update
from answerback.tickets.changes import Changes


def effect(rule: Rule, value: str, update: Update) -> FieldEffect | None:
    group = Group.objects.filter(pk=value).first() if value else None
    return FieldEffect(rule, Changes(group=group)) if group or not value else None


ACTION = Action(
    field="group_id",
    title=gettext_noop("Group"),
    kind=Kind.GROUP,
    choices={"": gettext_noop("none")},
    effect=effect,
)
