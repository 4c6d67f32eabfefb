"""A ticket that an agent opens: mailed to requester and CCs by the trigger for proactive tickets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from answerback.desk import effects, replacing
from answerback.desk import reply as desk_reply
from answerback.people import identities
from answerback.people.identities import BadAddressError
from answerback.people.models import Account, Group, Person
from answerback.tickets import addresses as support_addresses
from answerback.tickets import update
from answerback.tickets.changes import NewTicket
from answerback.tickets.models import Audit, SupportAddress, Ticket
from mailroom import address as addresses


class BadTicketError(ValueError):
    """No ticket can be made of what was typed. `problem`: no_subject, no_support_address or bad_address."""

    def __init__(self, problem: str, what: str = "") -> None:
        super().__init__(f"{problem}: {what}")
        self.problem, self.what = problem, what


def open_ticket(new: NewTicket) -> Audit:
    """Store the ticket and what triggers make of it; `audit.ticket` is the ticket."""
    with transaction.atomic():
        audit = update.create(new)
        effects.run(audit)
    return audit


def open_typed(by: Account, typed: Mapping[str, str], comment: desk_reply.Reply) -> Audit:
    """The same from what stands in the form (`check_typed` has its fields). BadTicketError, EmptyCommentError."""
    check_typed(typed)
    if desk_reply.is_empty(comment):
        raise desk_reply.EmptyCommentError
    with transaction.atomic():
        audit = open_ticket(_new_ticket(by, typed, comment))
        replacing.note(audit, comment.replaces)  # a follow-up carries what did not arrive on the closed ticket
    return audit


def check_typed(typed: Mapping[str, str]) -> None:
    """Before anything is stored: could a ticket be made of these? BadTicketError."""
    if not typed.get("subject", "").strip():
        raise BadTicketError("no_subject")
    for address in [typed.get("requester", ""), *(one.spec for one in _ccs(typed))]:
        if addresses.syntax_problem(address.strip()):
            raise BadTicketError("bad_address", address)
    if _support_address(typed) is None:
        raise BadTicketError("no_support_address")


def _new_ticket(by: Account, typed: Mapping[str, str], comment: desk_reply.Reply) -> NewTicket:
    support_address = _support_address(typed)
    assert support_address is not None
    return NewTicket(
        subject=" ".join(typed["subject"].split()),
        requester=_person(typed["requester"], typed.get("requester_name", "")),
        submitter=by.person,
        support_address=support_address,
        via="web",
        comment=desk_reply.comment_of(by.person, comment),
        status=comment.status if isinstance(comment.status, str) else Ticket.Status.OPEN,
        assignee=_row(Account, typed.get("assignee", "")),
        group=_row(Group, typed.get("group", "")),
        ccs=[_person(one.spec, one.name) for one in _ccs(typed)],
        follow_up_of=_row(Ticket, typed.get("follow", "")),
    )


def _ccs(typed: Mapping[str, str]) -> list[addresses.Address]:
    return addresses.parse_addresses(typed.get("cc", "").replace(";", ","))


def _person(address: str, name: str) -> Person:
    try:
        return identities.find_or_create(address.strip(), name.strip()).person
    except BadAddressError:
        raise BadTicketError("bad_address", address) from None


def _support_address(typed: Mapping[str, str]) -> SupportAddress | None:
    return _row(SupportAddress, typed.get("support_address", "")) or support_addresses.default_support_address()


def _row(model: Any, pk: str) -> Any:
    return model.objects.filter(pk=int(pk)).first() if pk.isdigit() else None
