"""A ticket that an agent opens: mailed to requester and CCs by the trigger for proactive tickets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.db import transaction

from answerback.desk.composing import reply as desk_reply
from answerback.desk.fixing import replacing
from answerback.desk.running_rules import effects
from answerback.people import identities
from answerback.people.identities import BadAddressError
from answerback.people.models import Account, Group, Person
from answerback.tickets import addresses as support_addresses
from answerback.tickets import update
from answerback.tickets.changes import Changes, NewTicket, Unset
from answerback.tickets.models import Audit, SupportAddress, Ticket
from mailroom import address as addresses

Completion = Callable[[desk_reply.Reply, Ticket], desk_reply.Reply]


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


def open_typed(
    by: Account,
    typed: Mapping[str, str],
    comment: desk_reply.Reply,
    changes: Changes | None = None,
    complete: Completion = lambda written, ticket: written,
) -> Audit:
    """The same from what stands in the form (`check_typed` has its fields). BadTicketError, EmptyCommentError.

    `changes`: what macros add to it, where the form has no field. `complete` may put into the comment what is known
    only of a ticket that is there.
    """
    check_typed(typed)
    if desk_reply.is_empty(comment):
        raise desk_reply.EmptyCommentError
    with transaction.atomic():
        audit = open_ticket(_new_ticket(by, typed, comment, changes or Changes(), complete))
        replacing.note(audit, comment.replaces)  # a follow-up carries what did not arrive on the closed ticket
    return audit


def check_typed(typed: Mapping[str, str]) -> None:
    """Before anything is stored: could a ticket be made of these? BadTicketError."""
    if not typed.get("subject", "").strip():
        raise BadTicketError("no_subject")
    for address in [typed.get("requester", ""), *(one.spec for one in _ccs(typed))]:
        if addresses.syntax_problem(address.strip()):
            raise BadTicketError("bad_address", address)
    if support_address_of(typed) is None:
        raise BadTicketError("no_support_address")


def support_address_of(typed: Mapping[str, str]) -> SupportAddress | None:
    return row_of(SupportAddress, typed.get("support_address", "")) or support_addresses.default_support_address()


def row_of(model: Any, pk: str) -> Any:
    """What a select of the form names; None where it names nothing."""
    return model.objects.filter(pk=int(pk)).first() if pk.isdigit() else None


def _new_ticket(
    by: Account, typed: Mapping[str, str], comment: desk_reply.Reply, changes: Changes, complete: Completion
) -> NewTicket:
    support_address = support_address_of(typed)
    assert support_address is not None
    requester = _person(typed["requester"], typed.get("requester_name", ""))
    tags = [*(changes.set_tags if not isinstance(changes.set_tags, Unset) else ()), *changes.add_tags]
    return NewTicket(
        subject=" ".join(typed["subject"].split()),
        requester=requester,
        submitter=by.person,
        support_address=support_address,
        via="web",
        comment=lambda ticket: desk_reply.comment_of(by.person, complete(comment, ticket)),
        status=comment.status if isinstance(comment.status, str) else Ticket.Status.OPEN,
        priority="" if isinstance(changes.priority, Unset) else changes.priority,
        type="" if isinstance(changes.type, Unset) else changes.type,
        assignee=row_of(Account, typed.get("assignee", "")),
        group=row_of(Group, typed.get("group", "")),
        tags=[tag for tag in tags if tag not in changes.remove_tags],
        ccs=[*(_person(one.spec, one.name) for one in _ccs(typed)), *(p for p in changes.add_ccs if p != requester)],
        follow_up_of=row_of(Ticket, typed.get("follow", "")),
    )


def _ccs(typed: Mapping[str, str]) -> list[addresses.Address]:
    return addresses.parse_addresses(typed.get("cc", "").replace(";", ","))


def _person(address: str, name: str) -> Person:
    try:
        return identities.find_or_create(address.strip(), name.strip()).person
    except BadAddressError:
        raise BadTicketError("bad_address", address) from None
