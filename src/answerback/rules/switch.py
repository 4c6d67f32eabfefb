"""Triggers on and off."""

from __future__ import annotations

from answerback.core import clock
from answerback.rules.models import Trigger


def set_active(trigger_id: int, active: bool) -> bool:
    """False where there is no such trigger."""
    return Trigger.objects.filter(pk=trigger_id).update(active=active, updated_at=clock.now()) == 1
