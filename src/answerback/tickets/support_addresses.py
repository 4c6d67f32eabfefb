"""The addresses customers write to: adding and changing them. Which mail is for us is asked in `tickets.addresses`."""

from __future__ import annotations

from django.db import transaction

from answerback.core import clock
from answerback.people.models import Group
from answerback.tickets.models import SupportAddress
from mailroom import address as addresses

LOCAL_PART_MOST = 27  # a reply token of 36 characters and a plus have to fit behind it (RFC 5321 §4.5.3.1.1: 64)


class UnusableAddressError(ValueError):
    """`problem`: syntax, too_long or taken."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


def save_address(
    row: SupportAddress | None,
    *,
    address: str,
    name: str,
    language: str,
    group: Group | None,
    default: bool,
    active: bool = True,
) -> SupportAddress:
    """Add (row None) or change a support address. UnusableAddressError."""
    normal = _checked(address, row)
    with transaction.atomic():
        row = row or SupportAddress(created_at=clock.now())
        row.address, row.normal, row.name = address.strip(), normal, " ".join(name.split())[:100]
        row.language, row.group, row.active = language, group, active
        row.default = default or not SupportAddress.objects.filter(default=True).exclude(pk=row.pk).exists()
        row.save()
        if row.default:
            SupportAddress.objects.filter(default=True).exclude(pk=row.pk).update(default=False)
    return row


def _checked(address: str, row: SupportAddress | None) -> str:
    address = address.strip()
    if addresses.syntax_problem(address):
        raise UnusableAddressError("syntax")
    if len(address.rpartition("@")[0]) > LOCAL_PART_MOST:
        raise UnusableAddressError("too_long")
    normal = addresses.normalise(address)
    if SupportAddress.objects.filter(normal=normal).exclude(pk=row.pk if row else 0).exists():
        raise UnusableAddressError("taken")
    return normal
