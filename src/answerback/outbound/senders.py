"""Whose address our mail is from, and with `_RETURN_PATH=fixed` also where reports about it go.

Policy: a relay that refuses or rewrites a foreign return path (Microsoft 365, Gmail) lets us write from its own
addresses only. Then the return path is the address in From, and mail without a support address comes from the default
one. What a report proves is told by the delivery token in the returned headers alone (`outbound.matching`).
"""

from __future__ import annotations

from django.conf import settings

from answerback.tickets import addresses
from answerback.tickets.models import SupportAddress


def is_return_path_fixed() -> bool:
    return bool(settings.RETURN_PATH == "fixed")


def sender_of(support: SupportAddress | None) -> str:
    """The address in From."""
    if support is None and is_return_path_fixed():
        support = addresses.default_support_address()
    return support.address if support else f"postmaster@{settings.MAIL_DOMAIN}"
