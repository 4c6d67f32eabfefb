"""Which name server is asked, wherever the product looks something up in DNS."""

from __future__ import annotations

import dns.resolver
from django.conf import settings


def resolver() -> dns.resolver.Resolver:
    """The name server of `ANSWERBACK_RESOLVER` (`host:port`), else the system's."""
    server = settings.RESOLVER
    if not server:
        return dns.resolver.get_default_resolver()
    host, _, port = server.rpartition(":")
    own = dns.resolver.Resolver(configure=False)
    own.nameservers = [(host or server).strip("[]")]
    own.port = int(port) if host else 53
    return own
