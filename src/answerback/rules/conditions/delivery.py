"""A delivery event in this update, by its own payload: a failure (of an "answer", of "automatic" mail), or its end."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_noop

from answerback.rules.definition import TRIGGERS, Condition, Kind
from answerback.rules.update_seen import Update

_KINDS = ("answer", "automatic")


def holds(update: Update, operator: str, value: str) -> bool:
    if operator not in ("is", "is_not"):
        return False
    return any(_is(payload, value) for payload in update.deliveries) == (operator == "is")


def _is(payload: dict[str, Any], value: str) -> bool:
    if value in _KINDS:
        return payload["event"] == "failed" and payload.get("message_kind") == value
    return bool(payload["event"] == value)


CONDITION = Condition(
    field="delivery",
    title=gettext_noop("Delivery"),
    kind=Kind.CHOICE,
    uses=TRIGGERS,
    choices={
        "answer": gettext_noop("an agent's answer was not delivered"),
        "automatic": gettext_noop("automatic mail was not delivered"),
        "failed": gettext_noop("a mail was not delivered"),
        "trying": gettext_noop("late, and still trying"),
        "resolved": gettext_noop("a failure was put right"),
        "reopened": gettext_noop("a failure is open again"),
        "complaint": gettext_noop("marked as spam by the recipient"),
    },
    holds=holds,
)
