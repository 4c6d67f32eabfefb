"""Call a webhook: [id, payload], the payload as JSON text with placeholders in its strings; "" is our own."""

from __future__ import annotations

import json
from typing import Any

from django.utils.translation import gettext_noop

from answerback.rules.definition import Action, Kind
from answerback.rules.effects import Rule, WebhookEffect
from answerback.rules.update_seen import Update


class BadPayloadError(ValueError):
    """Not a JSON object."""


def effect(rule: Rule, value: list[Any], update: Update) -> WebhookEffect | None:
    webhook_id, payload = value
    try:
        return WebhookEffect(rule, int(webhook_id), parse(payload))
    except ValueError:
        return None


def parse(payload: str) -> dict[str, Any] | None:
    """BadPayloadError."""
    if not payload.strip():
        return None
    try:
        parsed = json.loads(payload)
    except ValueError as error:
        raise BadPayloadError(str(error)) from error
    if not isinstance(parsed, dict):
        raise BadPayloadError("not an object")
    return parsed


ACTION = Action(field="notification_webhook", title=gettext_noop("Call a webhook"), kind=Kind.WEBHOOK, effect=effect)
