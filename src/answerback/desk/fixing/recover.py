"""Fixing a failure where one stands: each button of the failure card, one transaction each.

Policy: what arrived or is on its way is never sent again, also where two agents press at once: rows are locked and
looked at once more. Mail to an address that is known to fail would only be held again, so it is not resent before
somebody changed or vouched for the address. What is still waiting is stopped first, and that is no failure of its own.
Who did what stands in the event log.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from django.db import transaction

from answerback.desk.fixing import fix_facts, replacing, settling
from answerback.outbound import enqueue, lifecycle, resolutions, standing
from answerback.outbound.models import Delivery, Resolution
from answerback.people import identities
from answerback.people.models import Account, Identity
from mailroom.states import ARRIVED, Fact, State

How = Resolution.How


class NotFailedError(Exception):
    """The delivery is not one that can be put right this way (any more): somebody was quicker, or it arrived."""


class SuppressedError(NotFailedError):
    """Mail to the address is known to fail: the same again would only be held."""


class ComplaintError(NotFailedError):
    """The person said that our mail is spam: writing on takes a reason, and somebody who says so."""


def resend(delivery_ids: Sequence[int], by: Account) -> list[Delivery]:
    """The same message again, to these recipients only. What arrived, is on its way or would be held is left out.

    NotFailedError where nothing is left, SuppressedError where that is because of the addresses.
    """
    with transaction.atomic():
        failed = [row for row in _locked(delivery_ids) if _can_be_resent(row)]
        usable = [row for row in failed if not (row.identity and identities.is_suppressed(row.identity))]
        if not usable:
            raise SuppressedError if failed else NotFailedError
        sent = enqueue.resend(usable, by)
        for ticket_id, rows in groupby(sorted(sent, key=_ticket_of), key=lambda row: row.ticket_id):
            fix_facts.tell(ticket_id, [fix_facts.note(row, "resent", by) for row in rows], by)
        return sent


def resend_failed_of_comment(ticket_id: int, comment_id: int, by: Account) -> list[Delivery]:
    """To everybody whom this comment did not reach. Raises as `resend`."""
    return resend(failing_of_comment(ticket_id, comment_id), by)


def failing_of_comment(ticket_id: int, comment_id: int) -> list[int]:
    """Delivery ids of what is failing."""
    found = standing.of_ticket(ticket_id).get(comment_id)
    return [chain.newest.pk for person in found.people for chain in person.chains if chain.failing] if found else []


def correct_address(delivery_id: int, address: str, by: Account, and_resend: bool) -> list[Delivery]:
    """The address was mistyped: put the right one in its place. BadAddressError, AddressTakenError, NotFailedError."""
    with transaction.atomic():
        [delivery] = _locked([delivery_id])
        identity = identities.correct(_identity_of(delivery), address, by)
        return _changed(delivery, identity, "address_corrected", by, and_resend)


def add_address(delivery_id: int, address: str, by: Account, and_resend: bool) -> list[Delivery]:
    """Another address for the person, which becomes primary; the old one stays. Raises as `correct_address`."""
    with transaction.atomic():
        [delivery] = _locked([delivery_id])
        identity = identities.add(_identity_of(delivery).person, address, by, primary=True)
        return _changed(delivery, identity, "address_added", by, and_resend)


def take_address(delivery_id: int, address: str, by: Account, and_resend: bool) -> list[Delivery]:
    """The address that stands with somebody else belongs to this person, and becomes primary.

    Identity.DoesNotExist; AddressTakenError where an agent has it; NotFailedError.
    """
    with transaction.atomic():
        [delivery] = _locked([delivery_id])
        identity = identities.move(address, _identity_of(delivery).person, by)
        return _changed(delivery, identity, "address_moved", by, and_resend)


def use_identity(delivery_id: int, identity_id: int, by: Account) -> list[Delivery]:
    """Send to another address that the person has already. Identity.DoesNotExist, NotFailedError."""
    with transaction.atomic():
        [delivery] = _locked([delivery_id])
        identity = Identity.objects.get(pk=identity_id, person=delivery.person)
        return _changed(delivery, identity, "resent", by, and_resend=True)


def mark_deliverable(
    delivery_id: int, by: Account, note: str, and_send: bool, despite_complaint: bool = False
) -> list[Delivery]:
    """The address works again. Held mail goes only where the agent says so. ComplaintError without a reason."""
    with transaction.atomic():
        [delivery] = _locked([delivery_id])
        identity = _identity_of(delivery)
        if identities.complaint_about(identity) and not (despite_complaint and note):
            raise ComplaintError
        identities.mark_deliverable(identity, by, note)
        sent = _send_now(delivery, by) if and_send else []
        fact = fix_facts.note(delivery, "marked_deliverable", by, reason=note, sent=bool(sent))
        fix_facts.tell(delivery.ticket_id, [fact], by)
        return sent


def mark_handled(delivery_id: int, by: Account, note: str = "") -> None:
    """Seen to in another way. The failure stays in the events. NotFailedError."""
    with transaction.atomic():
        [delivery] = _locked([delivery_id])
        if not settling.settle(delivery, How.HANDLED, by, note):
            raise NotFailedError


def reached_by_phone(delivery_id: int, by: Account, note: str = "") -> None:
    """Told on the phone: an internal note says so, the failure is settled. NotFailedError."""
    with transaction.atomic():
        [delivery] = _locked([delivery_id])
        if not settling.settle_by_phone(delivery, by, note):
            raise NotFailedError


def open_again(delivery_id: int, by: Account) -> None:
    """It was not settled after all: the failure counts again. NotFailedError where it is open, or arrived since."""
    with transaction.atomic():
        [delivery] = _locked([delivery_id])
        taken_back = settling.open_again(delivery, by)
        if not taken_back:
            raise NotFailedError
        replacing.deny_all(taken_back, by)


def retry_now(delivery_id: int, by: Account) -> None:
    """Do not wait for the next attempt. NotFailedError where nothing waits."""
    with transaction.atomic():
        [delivery] = _locked([delivery_id])
        if not lifecycle.retry_now([delivery_id]):
            raise NotFailedError
        fix_facts.tell(delivery.ticket_id, [fix_facts.note(delivery, "retried", by)], by)


def stop(delivery_id: int, by: Account) -> None:
    """Give up what is still waiting. NotFailedError where it is too late."""
    if not lifecycle.decide([delivery_id], Fact.CANCEL, by):
        raise NotFailedError


def release(delivery_id: int, by: Account) -> None:
    """Send what a rule held back. NotFailedError where nothing is held."""
    with transaction.atomic():
        [delivery] = _locked([delivery_id])
        if not lifecycle.decide([delivery_id], Fact.RELEASE, by):
            raise NotFailedError
        fix_facts.tell(delivery.ticket_id, [fix_facts.note(delivery, "released", by)], by)


def take_back(delivery_id: int, by: Account) -> None:
    """Stop what was sent again and still waits; the failure is what it was before. NotFailedError where it went."""
    with transaction.atomic():
        [sent] = _locked([delivery_id])
        before = sent.resent_from
        if before is None or not enqueue.take_back(sent, by):
            raise NotFailedError
        resolutions.reopen(sent)  # what was stopped to be sent to another address
        fix_facts.tell(sent.ticket_id, [fix_facts.note(before, "taken_back", by, new_recipient=sent.recipient)], by)


def hold_again(delivery_id: int, reason: str, by: Account) -> None:
    """What was held and let go waits for somebody's word again. NotFailedError where it went."""
    with transaction.atomic():
        [delivery] = _locked([delivery_id])
        if delivery.state != State.QUEUED or not lifecycle.decide([delivery_id], Fact.HOLD, by, reason):
            raise NotFailedError
        fix_facts.tell(delivery.ticket_id, [fix_facts.note(delivery, "held_again", by)], by)


def hold_suppressed_again(delivery_id: int) -> None:
    """What was let go although it was held for its address, which is marked undeliverable again. NotFailedError."""
    with transaction.atomic():
        [delivery] = _locked([delivery_id])
        if delivery.state != State.QUEUED or not (delivery.identity and identities.is_suppressed(delivery.identity)):
            raise NotFailedError
        lifecycle.hold_suppressed([delivery])


def _locked(delivery_ids: Sequence[int]) -> list[Delivery]:
    """Delivery.DoesNotExist where one is missing."""
    rows = Delivery.objects.select_for_update(of=("self",)).filter(pk__in=delivery_ids).order_by("id")
    found = list(rows.select_related("message", "person", "identity"))
    if len(found) != len(set(delivery_ids)):
        raise Delivery.DoesNotExist
    return found


def _can_be_resent(delivery: Delivery) -> bool:
    """Failed, stopped or suppressed, its mail is there, and no later delivery of its chain is alive."""
    if delivery.message.erased_at or standing.words_of(delivery) not in standing.FAILING:
        return False
    later = Delivery.objects.filter(resent_from=delivery)
    return not any(row.state in ARRIVED or standing.words_of(row) not in standing.FAILING for row in later)


def _identity_of(delivery: Delivery) -> Identity:
    """The identity the mail went to. A correction made since counts, an erased one is made again."""
    return delivery.identity or identities.find_or_create(delivery.recipient, standing.name_of(delivery))


def _changed(delivery: Delivery, identity: Identity, what: str, by: Account, and_resend: bool) -> list[Delivery]:
    """Tell which address it is now, and send there."""
    sent = _resend_to(delivery, identity, by) if and_resend else []
    facts = [fix_facts.note(delivery, what, by, new_recipient=identity.address, sent=bool(sent))]
    fix_facts.tell(delivery.ticket_id, facts, by)
    return sent


def _resend_to(delivery: Delivery, identity: Identity, by: Account) -> list[Delivery]:
    """Send the message of `delivery` to another address. What was only held or waiting is stopped first."""
    if _can_be_resent(delivery):
        return enqueue.resend([delivery], by, identity)
    if not lifecycle.decide([delivery.pk], Fact.CANCEL, by):
        raise NotFailedError
    [sent] = enqueue.resend([delivery], by, identity)
    resolutions.resolve(delivery, How.CORRECTED, by=by, by_delivery=sent)
    return [sent]


def _send_now(delivery: Delivery, by: Account) -> list[Delivery]:
    if delivery.state == State.HELD:
        return [delivery] if lifecycle.decide([delivery.pk], Fact.RELEASE, by) else []
    delivery.refresh_from_db(fields=["identity"])
    return enqueue.resend([delivery], by) if _can_be_resent(delivery) else []


def _ticket_of(delivery: Delivery) -> int:
    return delivery.ticket_id or 0
