"""Why the mail of this update's delivery event failed: a key of mailroom's catalogue."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from answerback.rules.conditions.comparing import payload_says
from answerback.rules.definition import TRIGGERS, Condition, Kind
from answerback.rules.update_seen import Update


def holds(update: Update, operator: str, value: str) -> bool:
    return payload_says(update, lambda payload: payload["cause"] == value, operator)


CONDITION = Condition(
    field="delivery_cause", title=gettext_noop("Cause of the failure"), kind=Kind.CAUSE, uses=TRIGGERS, holds=holds
)
