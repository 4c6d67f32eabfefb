"""What can be done to many at once, one file each. `desk.jobs` calls `act` and `undo` for each item, in a transaction.

A kind is about failures, held mail, tickets, tickets that are to be made, or a person. `act` does one item and says
what became of it; what it cannot do is skipped with the reason, never an error. `foresee` says beforehand which would
be skipped, in a fixed number of queries. `undo`, where the thing can be taken back, is given the item that did it and
touches only what nobody changed since. `still` says whether that is worth a button, where it ends by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db.models import QuerySet

from answerback.desk.bulk import (
    create_tickets,
    erase_person,
    mail,
    mark_deliverable,
    mark_handled,
    reassign,
    release,
    resend,
    swap_domain,
    update_tickets,
)
from answerback.desk.bulk.result import Result
from answerback.desk.models import JobItem
from answerback.outbound.models import Delivery
from answerback.people.models import Account
from answerback.tickets.models import Ticket

Options = dict[str, Any]
Foreseen = dict[int, Result]  # by the row's id: what would not be done


class About(StrEnum):
    FAILURES = "failures"
    HELD = "held"
    TICKETS = "tickets"
    NEW_TICKETS = "new_tickets"
    PERSON = "person"


@dataclass(frozen=True)
class Kind:
    about: About
    act: Callable[[JobItem, Options, Account], Result]
    foresee: (
        Callable[[Sequence[Delivery], Options], Foreseen] | Callable[[Sequence[Ticket], Options], Foreseen] | None
    )  # None: there is nothing yet to choose it for
    undo: Callable[[JobItem, Account], Result] | None = None
    still: Callable[[QuerySet[JobItem]], bool] | None = None  # whether it can be taken back still; None: at any time


KINDS: dict[str, Kind] = {
    "resend": Kind(About.FAILURES, resend.act, resend.foresee, resend.undo, mail.resends_wait),
    "swap_domain": Kind(About.FAILURES, swap_domain.act, swap_domain.foresee, swap_domain.undo),
    "mark_deliverable": Kind(About.FAILURES, mark_deliverable.act, mark_deliverable.foresee, mark_deliverable.undo),
    "mark_handled": Kind(About.FAILURES, mark_handled.act, mark_handled.foresee, mark_handled.undo),
    "release": Kind(About.HELD, release.act, release.foresee, release.undo, release.still),
    "reassign": Kind(About.TICKETS, reassign.act, reassign.foresee, reassign.undo),
    "update_tickets": Kind(About.TICKETS, update_tickets.act, update_tickets.foresee, update_tickets.undo),
    "create_tickets": Kind(About.NEW_TICKETS, create_tickets.act, foresee=None),
    "erase_person": Kind(About.PERSON, erase_person.act, foresee=None),
}
