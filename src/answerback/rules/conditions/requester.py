"""The ticket's requester, by person id; current_user is who made the update."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from answerback.rules.conditions.comparing import compare
from answerback.rules.definition import CHANGING, EQUAL, EVERYWHERE, Condition, Kind
from answerback.rules.update_seen import Update


def holds(update: Update, operator: str, value: str) -> bool:
    if value == "current_user":
        value = str(update.actor.pk) if update.actor else "the system asked for nothing"
    return compare(update, "requester_id", str(update.ticket.requester_id), operator, value)


CONDITION = Condition(
    field="requester_id",
    title=gettext_noop("Requester"),
    kind=Kind.PERSON,
    operators=(*EQUAL, *CHANGING),
    uses=EVERYWHERE,
    choices={"current_user": gettext_noop("who changed it")},
    holds=holds,
    hint=gettext_noop("an e-mail address"),
)
