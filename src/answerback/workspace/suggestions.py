"""What a mistyped address may have been meant to be."""

from __future__ import annotations

from answerback.people import identities
from mailroom import typos


def for_address(address: str) -> str:
    """The likely address, "" where the typed one looks right."""
    found = typos.suggest(address, identities.working_domains())
    return found.address if found else ""
