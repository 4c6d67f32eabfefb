"""`@old.example` became `@new.example`: the addresses are corrected, and what failed goes to the new ones.

Policy: the local part stays. A person who has the new address already keeps both, and the new one becomes primary. An
address that belongs to somebody else is left alone, with the reason. Taken back, the old address is there again, and
what still waits is stopped; what was sent stays sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from answerback.desk.bulk import mail
from answerback.desk.bulk.result import Result, done, skipped
from answerback.desk.bulk.subject import delivery_of
from answerback.desk.fixing import recover
from answerback.desk.models import JobItem
from answerback.outbound.models import Delivery
from answerback.people import identities
from answerback.people.identities import AddressTakenError, BadAddressError
from answerback.people.models import Account, Identity
from mailroom import address as addresses


def new_address(recipient: str, options: dict[str, Any]) -> str:
    """The recipient at the new domain; "" where it is not at the old one."""
    local, _, domain = recipient.rpartition("@")
    if addresses.ascii_domain(domain) != addresses.ascii_domain(options["old"]):
        return ""
    return f"{local}@{options['new']}"


def act(item: JobItem, options: dict[str, Any], by: Account) -> Result:
    delivery = delivery_of(item)
    address = new_address(delivery.recipient, options)
    if not address:
        return skipped("other_domain", recipient=delivery.recipient)
    before = _primary_of(delivery)
    try:
        if _is_there_already(delivery, address):
            [sent] = recover.resend([delivery.pk], by)
            mail.let_wait([sent], by)
            return done("swapped", recipient=delivery.recipient, address=address, delivery_id=sent.pk)
        [sent] = recover.correct_address(delivery.pk, address, by, and_resend=True)
    except recover.NotFailedError:
        return skipped("not_failing", recipient=delivery.recipient)
    except AddressTakenError as taken:
        return _taken(delivery, taken.identity)
    except BadAddressError as bad:
        return skipped("bad_address", recipient=delivery.recipient, address=bad.address)
    mail.let_wait([sent], by)
    traces = _traces(delivery, address, before)
    return done("swapped", recipient=delivery.recipient, address=address, delivery_id=sent.pk, **traces)


def foresee(rows: Sequence[Delivery], options: dict[str, Any]) -> dict[int, Result]:
    wanted = {row.pk: new_address(row.recipient, options) for row in rows}
    owners = _owners(list(wanted.values()))
    found: dict[int, Result] = {}
    for row in rows:
        address = wanted[row.pk]
        if not address:
            found[row.pk] = skipped("other_domain", recipient=row.recipient)
        elif options["new"] and addresses.syntax_problem(address):  # nobody has said yet which domain is right
            found[row.pk] = skipped("bad_address", recipient=row.recipient, address=address)
        elif (owner := owners.get(addresses.normalise(address))) and owner.person_id != row.person_id:
            found[row.pk] = _taken(row, owner)
    return found


def undo(item: JobItem, by: Account) -> Result:
    """What waits is stopped; the identity goes back to the old address, or the old identity is primary again."""
    names = {"recipient": item.detail["recipient"], "address": item.detail["address"]}
    stopped = mail.take_back(item.detail.get("delivery_id"), by)
    result = _put_back(item.detail, names, by)
    if not stopped:
        return result
    return done("swapped_back_unsent" if result.state is JobItem.State.DONE else "taken_back", **names)


def _put_back(detail: dict[str, Any], names: dict[str, str], by: Account) -> Result:
    if "corrected" in detail:
        identity = Identity.objects.filter(
            pk=detail["corrected"], normal=addresses.normalise(detail["address"])
        ).first()
        if identity is None:
            return skipped("changed_since", **names)
        try:
            identities.correct(identity, detail["old"], by)
        except AddressTakenError as taken:
            return skipped("taken_since", owner=taken.identity.person.name, **names)
        return done("swapped_back", **names)
    if "primary_before" in detail:
        identity = Identity.objects.filter(pk=detail["primary_before"]).first()
        if identity is None or identity.primary:
            return skipped("changed_since", **names)
        identities.make_primary(identity, by)
        return done("swapped_back", **names)
    return skipped("nothing_to_undo", **names)


def _is_there_already(delivery: Delivery, address: str) -> bool:
    """Another failure of the same person has brought the identity to the new address."""
    return delivery.identity is not None and delivery.identity.normal == addresses.normalise(address)


def _primary_of(delivery: Delivery) -> Identity | None:
    return Identity.objects.filter(person=delivery.person_id, primary=True).first() if delivery.person_id else None


def _traces(delivery: Delivery, address: str, before: Identity | None) -> dict[str, Any]:
    """What an undo needs: the identity that was corrected, or the one that was primary before."""
    old = delivery.identity
    if old and Identity.objects.filter(pk=old.pk, normal=addresses.normalise(address)).exists():
        return {"corrected": old.pk, "old": old.address}
    now = _primary_of(delivery)
    return {"primary_before": before.pk} if before and now and now.pk != before.pk else {}


def _owners(found: Sequence[str]) -> dict[str, Identity]:
    normal = [addresses.normalise(address) for address in found if address and not addresses.syntax_problem(address)]
    rows = Identity.objects.filter(normal__in=normal).select_related("person")
    return {row.normal: row for row in rows}


def _taken(delivery: Delivery, owner: Identity) -> Result:
    return skipped("address_taken", recipient=delivery.recipient, address=owner.address, owner=owner.person.name)
