"""Whom the mail did not reach: somebody in To, or in Cc."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from answerback.rules.conditions.comparing import payload_says
from answerback.rules.definition import TRIGGERS, Condition, Kind
from answerback.rules.update_seen import Update


def holds(update: Update, operator: str, value: str) -> bool:
    return payload_says(update, lambda payload: payload["role"] == value, operator)


CONDITION = Condition(
    field="delivery_role",
    title=gettext_noop("Recipient not reached"),
    kind=Kind.CHOICE,
    uses=TRIGGERS,
    choices={"to": gettext_noop("in To"), "cc": gettext_noop("in Cc")},
    holds=holds,
)
