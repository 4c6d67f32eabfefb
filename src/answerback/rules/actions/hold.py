"""Hold the ticket's mail to customers that has not left yet, until somebody sends it on by hand.

"ticket" holds all of it, also what other rules write in the same update; "failed_recipients" what is for the addresses
that failed in this update.
"""

from __future__ import annotations

from django.utils.translation import gettext_noop

from answerback.rules.definition import TRIGGERS, Action, Kind
from answerback.rules.effects import HoldEffect, Rule
from answerback.rules.update_seen import Update


def effect(rule: Rule, value: str, update: Update) -> HoldEffect | None:
    if value != "failed_recipients":
        return HoldEffect(rule)
    addresses = [payload["recipient"] for payload in update.failures]
    return HoldEffect(rule, addresses) if addresses else None


ACTION = Action(
    field="hold",
    title=gettext_noop("Hold back mail"),
    kind=Kind.CHOICE,
    uses=TRIGGERS,
    choices={
        "ticket": gettext_noop("all of the ticket's mail to customers"),
        "failed_recipients": gettext_noop("mail to the addresses that failed"),
    },
    effect=effect,
)
