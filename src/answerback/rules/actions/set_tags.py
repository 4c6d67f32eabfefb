"""Replace, add or remove tags; the value is words with spaces between."""

from __future__ import annotations

from answerback.rules.effects import FieldEffect
from answerback.rules.models import Trigger
from answerback.rules.update_seen import Update
from answerback.tickets.changes import Changes


def replace(trigger: Trigger, value: str, update: Update) -> FieldEffect:
    return FieldEffect(trigger, Changes(set_tags=value.split()))


def add(trigger: Trigger, value: str, update: Update) -> FieldEffect:
    return FieldEffect(trigger, Changes(add_tags=value.split()))


def remove(trigger: Trigger, value: str, update: Update) -> FieldEffect:
    return FieldEffect(trigger, Changes(remove_tags=value.split()))
