"""Mail to people: [recipient, subject, body], subject and body as text or as {language: text}."""

from __future__ import annotations

from answerback.rules.effects import Localised, NotifyEffect
from answerback.rules.models import Trigger
from answerback.rules.update_seen import Update


def effect(trigger: Trigger, value: list[str | Localised], update: Update) -> NotifyEffect:
    recipient, subject, body = value
    return NotifyEffect(trigger, str(recipient), localised(subject), localised(body))


def localised(text: str | Localised) -> Localised:
    return text if isinstance(text, dict) else {"": text}
