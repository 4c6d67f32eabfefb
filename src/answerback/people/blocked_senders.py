"""Senders whose mail becomes no ticket: an address, or a whole domain written as "@domain".

Policy: whoever works here can never be blocked, else one click would silence a colleague.
"""

from __future__ import annotations

from django.db.models import QuerySet

from answerback.core import clock
from answerback.people.models import Account, BlockedSender, Identity
from mailroom import address as addresses
from mailroom.address import Address


class NotBlockableError(ValueError):
    """Neither an address nor a domain, or somebody who works here."""


def block(pattern: str, by: Account) -> BlockedSender:
    """Block an address or "@domain"; who is blocked already stays so. NotBlockableError."""
    wanted = _pattern(pattern)
    if _works_here(wanted):
        raise NotBlockableError(pattern)
    row, _ = BlockedSender.objects.get_or_create(pattern=wanted, defaults={"by": by, "since": clock.now()})
    return row


def unblock(pattern: str) -> bool:
    """False where it was not blocked."""
    return BlockedSender.objects.filter(pattern=pattern).delete()[0] > 0


def blocked(sender: Address) -> BlockedSender | None:
    """What blocks this sender: the address itself, or its domain."""
    patterns = (sender.normal, f"@{sender.normal.rpartition('@')[2]}")
    return BlockedSender.objects.filter(pattern__in=patterns).order_by("pattern").last()


def everybody() -> QuerySet[BlockedSender]:
    return BlockedSender.objects.select_related("by__person")


def _pattern(text: str) -> str:
    text = text.strip().lower()
    local, at, domain = text.rpartition("@")
    if not local and (name := addresses.ascii_domain(domain)) and "." in name:
        return f"@{name}"
    if not at or addresses.syntax_problem(text):
        raise NotBlockableError(text)
    return addresses.normalise(text)


def _works_here(pattern: str) -> bool:
    staff = Identity.objects.filter(person__account__is_active=True)
    if pattern.startswith("@"):
        return staff.filter(domain=pattern[1:]).exists()
    return staff.filter(normal=pattern).exists()
