"""Who can mend what this update's delivery event tells of."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from answerback.rules.conditions.comparing import payload_says
from answerback.rules.definition import TRIGGERS, Condition, Kind
from answerback.rules.update_seen import Update
from mailroom.causes import catalogue


def holds(update: Update, operator: str, value: str) -> bool:
    causes = catalogue.load()
    return payload_says(update, lambda payload: causes.cause(payload["cause"]).who == value, operator)


CONDITION = Condition(
    field="delivery_fix",
    title=gettext_noop("Who can fix the failure"),
    kind=Kind.CHOICE,
    uses=TRIGGERS,
    choices={
        "agent": gettext_noop("we, here"),
        "customer": gettext_noop("the customer or their IT"),
        "admin": gettext_noop("our administrator"),
        "nobody": gettext_noop("nobody: it passes by itself"),
    },
    holds=holds,
)
