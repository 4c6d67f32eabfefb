"""Copy somebody in: a person by id, or "current_user"."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from answerback.people.models import Person
from answerback.rules.definition import Action, Kind
from answerback.rules.effects import FieldEffect, Rule
from answerback.rules.update_seen import Update
from answerback.tickets.changes import Changes


def effect(rule: Rule, value: str, update: Update) -> FieldEffect | None:
    person = update.actor if value == "current_user" else Person.objects.filter(pk=value).first()
    if person is None or person.pk == update.ticket.requester_id:
        return None
    return FieldEffect(rule, Changes(add_ccs=[person]))


ACTION = Action(
    field="cc",
    title=gettext_noop("Add a CC"),
    kind=Kind.PERSON,
    choices={"current_user": gettext_noop("who changed it")},
    effect=effect,
    hint=gettext_noop("an e-mail address"),
)
