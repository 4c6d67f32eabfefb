"""The ticket's assignee, by account id; "" is nobody, current_user who made the update, requester_id the requester.

Policy: somebody who can sign in no longer is nobody, as in `desk.telling.responsible`. Else the failures of a ticket
left to them would be mailed to them alone, which is to nobody.
"""

from __future__ import annotations

from django.utils.translation import gettext_noop

from answerback.rules.conditions.comparing import compare
from answerback.rules.definition import CHANGING, EQUAL, EVERYWHERE, Condition, Kind
from answerback.rules.update_seen import Update


def holds(update: Update, operator: str, value: str) -> bool:
    if value == "current_user":
        value = str(update.actor_account.pk) if update.actor_account else "nobody who could be assigned"
    elif value == "requester_id":
        return _is_the_requester(update) == (operator == "is")
    now = "" if not value and _has_left(update) else str(update.ticket.assignee_id or "")
    return compare(update, "assignee_id", now, operator, value)


def _has_left(update: Update) -> bool:
    assignee = update.ticket.assignee
    return assignee is not None and not assignee.is_active


def _is_the_requester(update: Update) -> bool:
    assignee = update.ticket.assignee
    return assignee is not None and assignee.person_id == update.ticket.requester_id


CONDITION = Condition(
    field="assignee_id",
    title=gettext_noop("Assignee"),
    kind=Kind.AGENT,
    operators=(*EQUAL, *CHANGING),
    uses=EVERYWHERE,
    choices={
        "": gettext_noop("nobody"),
        "current_user": gettext_noop("the agent who changed it"),
        "requester_id": gettext_noop("the requester"),
    },
    holds=holds,
)
