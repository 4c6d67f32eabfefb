"""Our own addresses: which mail is for us, and where answers leave from."""

from __future__ import annotations

from answerback.tickets.models import SupportAddress
from mailroom import address as addresses


def support_address_for(recipient: str) -> tuple[SupportAddress, str] | None:
    """The support address a RCPT means, and the token after its `+` ("" without one). None: not ours."""
    local, _, domain = addresses.normalise(recipient).rpartition("@")
    base, _, token = local.partition("+")
    for candidate, found in ((f"{local}@{domain}", ""), (f"{base}@{domain}", token)):
        row = SupportAddress.objects.select_related("group").filter(normal=candidate, active=True).first()
        if row:
            return row, found
    return None


def default_support_address() -> SupportAddress | None:
    return SupportAddress.objects.filter(active=True).order_by("-default", "id").first()


def is_ours(address: str) -> bool:
    return support_address_for(address) is not None
