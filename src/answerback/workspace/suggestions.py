"""What a mistyped address may have been meant to be."""

from __future__ import annotations

from mailroom import typos


def for_address(address: str) -> str:
    """The likely address, "" where the typed one looks right."""
    found = typos.suggest(address)
    return found.address if found else ""
