"""The support address the ticket was written to (Zendesk: "recipient")."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from answerback.rules.definition import RULES, Condition, Kind
from answerback.rules.update_seen import Update
from mailroom.address import normalise


def holds(update: Update, operator: str, value: str) -> bool:
    """Zendesk gives it no operator: none is "is"."""
    return (update.ticket.support_address.normal == normalise(value)) == (operator != "is_not")


CONDITION = Condition(
    field="recipient",
    title=gettext_noop("Written to"),
    kind=Kind.SUPPORT_ADDRESS,
    uses=RULES,
    holds=holds,
)
