"""Was the ticket created or changed? Values "Create", "Change"."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from answerback.rules.definition import TRIGGERS, Condition, Kind
from answerback.rules.update_seen import Update


def holds(update: Update, operator: str, value: str) -> bool:
    return operator == "is" and ("Create" if update.created else "Change") == value


CONDITION = Condition(
    field="update_type",
    title=gettext_noop("Ticket"),
    kind=Kind.CHOICE,
    operators=("is",),
    uses=TRIGGERS,
    choices={"Create": gettext_noop("created"), "Change": gettext_noop("changed")},
    holds=holds,
)
