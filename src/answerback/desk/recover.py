"""Fixing a failure where one stands: each button of the failure card, one transaction each."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from answerback.desk import effects, notices, ticket_health
from answerback.outbound import enqueue, lifecycle, resolutions, standing
from answerback.outbound.models import Delivery, Resolution
from answerback.people import identities
from answerback.people.models import Account, Identity
from answerback.tickets import update
from answerback.tickets.changes import TicketFact
from answerback.tickets.models import Event
from mailroom.states import ARRIVED, Fact, State


class NotFailedError(Exception):
    """The delivery is not one that can be put right this way (any more): somebody was quicker, or it arrived."""


def resend(delivery_ids: Sequence[int], by: Account) -> list[Delivery]:
    """The same message again, to these recipients only. What arrived or is on its way is left out.

    NotFailedError where nothing is left.
    """
    with transaction.atomic():
        failed = [row for row in _locked(delivery_ids) if _can_be_resent(row)]
        if not failed:
            raise NotFailedError
        return enqueue.resend(failed, by)


def resend_failed_of_comment(ticket_id: int, comment_id: int, by: Account) -> list[Delivery]:
    """To everybody whom this comment did not reach."""
    return resend(failing_of_comment(ticket_id, comment_id), by)


def failing_of_comment(ticket_id: int, comment_id: int) -> list[int]:
    """Delivery ids of what is failing."""
    found = standing.of_ticket(ticket_id).get(comment_id)
    return [chain.newest.pk for person in found.people for chain in person.chains if chain.failing] if found else []


def correct_address(delivery_id: int, address: str, by: Account, and_resend: bool) -> list[Delivery]:
    """The address was mistyped: put the right one in its place. BadAddressError, AddressTakenError, NotFailedError."""
    with transaction.atomic():
        [delivery] = _locked([delivery_id])
        identity = _identity_of(delivery)
        identity = identities.correct(identity, address, by)
        return _resend_to(delivery, identity, by) if and_resend else []


def add_address(delivery_id: int, address: str, by: Account, and_resend: bool) -> list[Delivery]:
    """Another address for the person, which becomes primary; the old one stays. Raises as `correct_address`."""
    with transaction.atomic():
        [delivery] = _locked([delivery_id])
        identity = identities.add(_identity_of(delivery).person, address, by, primary=True)
        return _resend_to(delivery, identity, by) if and_resend else []


def use_identity(delivery_id: int, identity_id: int, by: Account) -> list[Delivery]:
    """Send to another address that the person has already. Identity.DoesNotExist, NotFailedError."""
    with transaction.atomic():
        [delivery] = _locked([delivery_id])
        identity = Identity.objects.get(pk=identity_id, person=delivery.person)
        return _resend_to(delivery, identity, by)


def mark_deliverable(delivery_id: int, by: Account, note: str, and_send: bool) -> None:
    """The address works again. Held mail goes only where the agent says so."""
    with transaction.atomic():
        [delivery] = _locked([delivery_id])
        identities.mark_deliverable(_identity_of(delivery), by, note)
        if not and_send:
            return
        if delivery.state == State.HELD:
            lifecycle.decide([delivery.pk], Fact.RELEASE, by)
        elif _can_be_resent(delivery):
            enqueue.resend([delivery], by)


def mark_handled(delivery_id: int, by: Account, note: str = "") -> None:
    """Seen to in another way. The failure stays in the events. NotFailedError."""
    with transaction.atomic():
        [delivery] = _locked([delivery_id])
        if not resolutions.resolve(delivery, Resolution.How.HANDLED, by=by, note=note):
            raise NotFailedError
        fact = TicketFact(
            Event.Kind.DELIVERY_RESOLUTION,
            {
                "delivery_id": delivery.pk,
                "recipient": delivery.recipient,
                "person": standing.name_of(delivery),
                "how": Resolution.How.HANDLED,
                "by": by.person.name,
                "note": note,
            },
        )
        if delivery.ticket_id:
            changes = ticket_health.changes_for(delivery.ticket_id, [fact])
            audit = update.apply(delivery.ticket_id, changes, None, update.SYSTEM)
            if audit:
                effects.run(audit)
            notices.settle(delivery.ticket_id)


def open_again(delivery_id: int, by: Account) -> None:
    """It was not settled after all: the failure counts again. NotFailedError where it is open."""
    with transaction.atomic():
        [delivery] = _locked([delivery_id])
        if not resolutions.revoke(delivery, [Resolution.How.HANDLED]):
            raise NotFailedError
        if delivery.ticket_id:
            data = {"note": "failure_open_again", "delivery_id": delivery.pk, "recipient": delivery.recipient}
            fact = TicketFact(Event.Kind.DELIVERY_NOTE, data)
            changes = ticket_health.changes_for(delivery.ticket_id, [fact])
            audit = update.apply(delivery.ticket_id, changes, None, update.SYSTEM)
            if audit:
                effects.run(audit)
            notices.settle(delivery.ticket_id)


def retry_now(delivery_id: int, by: Account) -> None:
    """Do not wait for the next attempt. NotFailedError where nothing waits."""
    if not lifecycle.retry_now([delivery_id]):
        raise NotFailedError


def stop(delivery_id: int, by: Account) -> None:
    """Give up what is still waiting. NotFailedError where it is too late."""
    if not lifecycle.decide([delivery_id], Fact.CANCEL, by):
        raise NotFailedError


def release(delivery_id: int, by: Account) -> None:
    """Send what a rule held back. NotFailedError where nothing is held."""
    if not lifecycle.decide([delivery_id], Fact.RELEASE, by):
        raise NotFailedError


def _locked(delivery_ids: Sequence[int]) -> list[Delivery]:
    """Delivery.DoesNotExist where one is missing."""
    rows = Delivery.objects.select_for_update(of=("self",)).filter(pk__in=delivery_ids).order_by("id")
    found = list(rows.select_related("message", "person", "identity"))
    if len(found) != len(set(delivery_ids)):
        raise Delivery.DoesNotExist
    return found


def _can_be_resent(delivery: Delivery) -> bool:
    """Failed, stopped or suppressed, and no later delivery of its chain is alive."""
    if standing.words_of(delivery) not in standing.FAILING:
        return False
    later = Delivery.objects.filter(resent_from=delivery)
    return not any(row.state in ARRIVED or standing.words_of(row) not in standing.FAILING for row in later)


def _identity_of(delivery: Delivery) -> Identity:
    """The identity the mail went to. A correction made since counts, an erased one is made again."""
    return delivery.identity or identities.find_or_create(delivery.recipient, standing.name_of(delivery))


def _resend_to(delivery: Delivery, identity: Identity, by: Account) -> list[Delivery]:
    """Send the message of `delivery` to another address. What was only held or waiting is stopped first."""
    if not _can_be_resent(delivery) and not lifecycle.decide([delivery.pk], Fact.CANCEL, by):
        raise NotFailedError
    return enqueue.resend([delivery], by, identity)
