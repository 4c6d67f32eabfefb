"""How the ticket's mail stands, whatever this update was about: the delivery health that lists show."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from answerback.rules.definition import RULES, Condition, Kind
from answerback.rules.update_seen import Update
from answerback.tickets.models import Ticket

Health = Ticket.Health
_MEANT = {
    "open": (Health.FAILED, Health.AUTOMATIC_FAILED),
    "answer": (Health.FAILED,),
    "automatic": (Health.AUTOMATIC_FAILED,),
    "trying": (Health.TRYING,),
    "none": (Health.NONE,),
}


def holds(update: Update, operator: str, value: str) -> bool:
    if operator not in ("is", "is_not") or value not in _MEANT:
        return False
    return (update.ticket.delivery_health in _MEANT[value]) == (operator == "is")


CONDITION = Condition(
    field="delivery_health",
    title=gettext_noop("Mail of the ticket"),
    kind=Kind.CHOICE,
    uses=RULES,
    choices={
        "open": gettext_noop("a failure is open"),
        "answer": gettext_noop("a failure of an agent's answer is open"),
        "automatic": gettext_noop("only automatic mail has failed"),
        "trying": gettext_noop("still trying"),
        "none": gettext_noop("in order"),
    },
    holds=holds,
)
