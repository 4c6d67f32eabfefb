"""Whom we take mail for. Anything else is refused at RCPT, so that we are never a relay.

Ours are the active support addresses (with or without a reply token), signed return paths, and postmaster and abuse
(RFC 2142) at the domains of these. A return path is not verified here: a report with a forged one is taken, proves
nothing, and stands in the view of mail that was not turned into tickets.
"""

from __future__ import annotations

from django.conf import settings

from answerback.tickets import addresses as support_addresses
from answerback.tickets.models import SupportAddress
from mailroom import address
from mailroom.return_path import RETURN_PATH_PREFIX

ROLES = frozenset({"postmaster", "abuse"})


def is_ours(recipient: str) -> bool:
    """May this RCPT be taken?"""
    normal = address.normalise(recipient)
    local, _, domain = normal.rpartition("@")
    if not local:
        return domain == "postmaster"  # without a domain: RFC 5321 §4.5.1
    if local in ROLES:
        return domain in our_domains()
    return is_return_path(normal) or support_addresses.support_address_for(normal) is not None


def is_return_path(recipient: str) -> bool:
    """Does it have the shape of a reverse-path of ours? Whether it is one, its signature says."""
    local, _, domain = address.normalise(recipient).rpartition("@")
    return local.startswith(RETURN_PATH_PREFIX) and domain == _ascii(settings.RETURN_PATH_DOMAIN)


def our_domains() -> set[str]:
    """Every domain that mail for us is addressed to, as A-labels."""
    rows = SupportAddress.objects.filter(active=True).values_list("normal", flat=True)
    own = {normal.rpartition("@")[2] for normal in rows}
    return own | {_ascii(settings.MAIL_DOMAIN), _ascii(settings.RETURN_PATH_DOMAIN)}


def _ascii(domain: str) -> str:
    return address.ascii_domain(domain) or domain.lower()
