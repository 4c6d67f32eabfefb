"""The code of the failure: 550 or 5.1.1; "includes" takes the beginning of an enhanced one, such as 5.7."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_noop

from answerback.rules.conditions.comparing import payload_says
from answerback.rules.definition import EQUAL, TRIGGERS, Condition, Kind
from answerback.rules.update_seen import Update


def holds(update: Update, operator: str, value: str) -> bool:
    if operator == "includes":
        return bool(value) and payload_says(update, lambda payload: _begins(payload, value), "is")
    return payload_says(update, lambda payload: value in _codes(payload), operator)


def _codes(payload: dict[str, Any]) -> list[str]:
    return [str(payload["smtp_code"] or ""), payload["enhanced_code"]]


def _begins(payload: dict[str, Any], value: str) -> bool:
    return any(code == value or code.startswith(value.rstrip(".") + ".") for code in _codes(payload))


CONDITION = Condition(
    field="delivery_code",
    title=gettext_noop("Error code"),
    kind=Kind.CODE,
    operators=(*EQUAL, "includes"),
    uses=TRIGGERS,
    holds=holds,
    hint=gettext_noop("550 or 5.1.1"),
)
