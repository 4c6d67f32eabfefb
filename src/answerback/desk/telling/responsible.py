"""Who is told when a ticket's mail is in trouble: the assignee, else the group's members, else the supervisors.

Policy: there is always somebody. Where there are no supervisors, the administrators are told; people who cannot sign
in any more are nobody, so that a ticket left to them falls to the next.
"""

from __future__ import annotations

from answerback.people.models import Account
from answerback.tickets.models import Ticket


def people_for(ticket: Ticket) -> list[Account]:
    if ticket.assignee and ticket.assignee.is_active:
        return [ticket.assignee]
    return _members(ticket) or supervisors()


def supervisors() -> list[Account]:
    """Everybody with that flag; the administrators where nobody has it."""
    active = Account.objects.filter(is_active=True).select_related("person").order_by("pk")
    return list(active.filter(supervisor=True)) or list(active.filter(role=Account.Role.ADMIN))


def _members(ticket: Ticket) -> list[Account]:
    if ticket.group is None:
        return []
    return list(ticket.group.members.filter(is_active=True).select_related("person").order_by("pk"))
