"""Replace, add or remove tags; the value is words with spaces between."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from answerback.rules.definition import Action, Kind
from answerback.rules.effects import FieldEffect, Rule
from answerback.rules.update_seen import Update
from answerback.tickets.changes import Changes


def replace(rule: Rule, value: str, update: Update) -> FieldEffect:
    return FieldEffect(rule, Changes(set_tags=value.split()))


def add(rule: Rule, value: str, update: Update) -> FieldEffect:
    return FieldEffect(rule, Changes(add_tags=value.split()))


def remove(rule: Rule, value: str, update: Update) -> FieldEffect:
    return FieldEffect(rule, Changes(remove_tags=value.split()))


_HINT = gettext_noop("tags, separated by spaces")
ACTIONS = [
    Action(field="current_tags", title=gettext_noop("Add tags"), kind=Kind.TAGS, effect=add, hint=_HINT),
    Action(field="remove_tags", title=gettext_noop("Remove tags"), kind=Kind.TAGS, effect=remove, hint=_HINT),
    Action(field="set_tags", title=gettext_noop("Replace all tags by"), kind=Kind.TAGS, effect=replace, hint=_HINT),
]
