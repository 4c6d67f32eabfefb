"""Who made the update: "agent" (also an administrator), "end_user", "system"; or only "admin"."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from answerback.rules.definition import TRIGGERS, Condition, Kind
from answerback.rules.update_seen import Update


def holds(update: Update, operator: str, value: str) -> bool:
    if operator not in ("is", "is_not"):
        return False
    return _has(update, value) == (operator == "is")


def _has(update: Update, value: str) -> bool:
    if value == "admin":
        return update.actor_account is not None and update.actor_account.is_admin
    return update.role == value


CONDITION = Condition(
    field="role",
    title=gettext_noop("Who changed it"),
    kind=Kind.CHOICE,
    uses=TRIGGERS,
    choices={
        "agent": gettext_noop("an agent"),
        "end_user": gettext_noop("an end user"),
        "admin": gettext_noop("an administrator"),
        "system": gettext_noop("the system"),
    },
    holds=holds,
)
