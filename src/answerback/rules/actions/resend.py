"""Send what failed in this update again, to the same addresses; each failure once at most."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from answerback.rules.definition import TRIGGERS, Action, Kind
from answerback.rules.effects import ResendEffect, Rule
from answerback.rules.update_seen import Update


def effect(rule: Rule, value: str, update: Update) -> ResendEffect | None:
    failed = [payload["delivery_id"] for payload in update.failures]
    return ResendEffect(rule, failed) if failed else None


ACTION = Action(
    field="resend",
    title=gettext_noop("Send again to whom it did not reach, once"),
    kind=Kind.NONE,
    uses=TRIGGERS,
    effect=effect,
)
