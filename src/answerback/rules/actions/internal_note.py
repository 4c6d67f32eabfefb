"""An internal note on the ticket: text, or {language: text}, with placeholders."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from answerback.rules.actions.notify_user import localised
from answerback.rules.definition import Action, Kind
from answerback.rules.effects import Localised, NoteEffect, Rule
from answerback.rules.update_seen import Update


def effect(rule: Rule, value: str | Localised, update: Update) -> NoteEffect:
    return NoteEffect(rule, localised(value))


ACTION = Action(field="internal_note", title=gettext_noop("Write an internal note"), kind=Kind.TEXT, effect=effect)
