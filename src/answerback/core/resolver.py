"""DNS, wherever the product looks something up: which name server is asked, and records as text."""

from __future__ import annotations

from collections.abc import Sequence

import dns.exception
import dns.name
import dns.resolver
import dns.reversename
from django.conf import settings

from mailroom import address as addresses
from mailroom.smtp.names import name_server

_NO_SUCH = (
    *(dns.resolver.NXDOMAIN, dns.resolver.NoAnswer, UnicodeError),
    *(dns.name.LabelTooLong, dns.name.NameTooLong, dns.name.EmptyLabel, dns.name.BadEscape),
)


class NoAnswerError(Exception):
    """Nobody says yes or no: try again later."""


def resolver() -> dns.resolver.Resolver:
    """The name server of `ANSWERBACK_RESOLVER`, else the system's."""
    server = settings.RESOLVER
    if not server:
        return dns.resolver.get_default_resolver()
    address, port = name_server(server)
    own = dns.resolver.Resolver(configure=False)
    own.nameservers = [address]
    own.port = port
    return own


def records(name: str, kind: str, seconds: float) -> list[str]:
    """The values, TXT strings joined, MX as "10 mx.example."; none where there is no such name or record.

    NoAnswerError.
    """
    if not settings.RESOLVER and addresses.is_reserved(name):
        return []  # no such name out there, and asking would only tell others
    try:
        found = resolver().resolve(name, kind, lifetime=seconds, search=False)
    except _NO_SUCH:
        return []
    except (dns.exception.DNSException, OSError) as error:
        raise NoAnswerError(str(error)) from error
    return [_as_text(record, kind) for record in found]


def reverse_name(address: str) -> str:
    """Where the name of an IP address stands: 1.2.0.192.in-addr.arpa."""
    return dns.reversename.from_address(address).to_text(omit_final_dot=True)


def _as_text(record: object, kind: str) -> str:
    strings: Sequence[bytes] | None = getattr(record, "strings", None)
    if kind == "TXT" and strings is not None:
        return b"".join(strings).decode("utf-8", "replace")
    return str(record)
