"""The headings of a grouped list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.utils.translation import gettext

from answerback.outbound import standing
from answerback.tickets.models import Ticket
from answerback.workspace import words

_TITLES: dict[str, Callable[[Any], str]] = {
    "status": lambda ticket: words.status_name(ticket.status),
    "priority": lambda ticket: words.value_name("priority", ticket.priority) if ticket.priority else "",
    "type": lambda ticket: words.value_name("type", ticket.type) if ticket.type else "",
    "assignee": lambda ticket: ticket.assignee.person.name if ticket.assignee else "",
    "group": lambda ticket: ticket.group.name if ticket.group else "",
    "requester": lambda ticket: ticket.requester.name,
    "organization": lambda ticket: ticket.requester.organization.name if ticket.requester.organization else "",
    "support_address": lambda ticket: ticket.support_address.address,
    "via": lambda ticket: words.via_name(ticket.via),
    "cause": lambda ticket: standing.cause_name(ticket.group_key) if ticket.group_key else "",
}


def titles(tickets: Sequence[Ticket], group_by: str) -> list[str]:
    """For each ticket the title of the group that begins with it, "" where the group goes on."""
    title_of = _TITLES.get(group_by)
    if title_of is None:
        return [""] * len(tickets)
    found, before = [], None
    for ticket in tickets:
        title = title_of(ticket) or gettext("none")
        found.append(title[:1].upper() + title[1:] if title != before else "")
        before = title
    return found
