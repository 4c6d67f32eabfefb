"""Asking the name service: records, or the trouble that there are none to be had."""

from __future__ import annotations

from typing import Any

import dns.asyncresolver
import dns.exception
import dns.name
import dns.resolver

from mailroom.report import Stage
from mailroom.smtp.options import Options
from mailroom.smtp.trouble import Fault, Trouble

_NAME_ERRORS = (dns.name.LabelTooLong, dns.name.NameTooLong, dns.name.EmptyLabel, dns.name.BadEscape)


def resolver_of(options: Options) -> dns.asyncresolver.Resolver:
    """The one that the options name, else the machine's. `Trouble` where there is none."""
    try:
        resolver = _resolver(options)
    except (dns.exception.DNSException, OSError, ValueError) as error:
        raise Trouble(Stage.DNS, fault=Fault.LOCAL, detail=f"no name service: {error}") from None
    resolver.lifetime = options.timeouts.dns
    return resolver


def _resolver(options: Options) -> dns.asyncresolver.Resolver:
    if not options.resolver:
        resolver = dns.asyncresolver.Resolver()
    else:
        host, _, port = options.resolver.rpartition(":")
        resolver = dns.asyncresolver.Resolver(configure=False)
        resolver.nameservers = [host.strip("[]")]
        resolver.port = int(port)
    return resolver


async def ask(resolver: dns.asyncresolver.Resolver, name: str, kind: str) -> list[Any]:
    """The records, none where the name has no such ones. `Trouble` where there is no name, or no answer."""
    try:
        return list(await resolver.resolve(name + ".", kind))
    except dns.resolver.NoAnswer:
        return []
    except (dns.resolver.NXDOMAIN, *_NAME_ERRORS):
        raise Trouble(Stage.DNS, fault=Fault.NO_DOMAIN, detail=name) from None
    except (dns.exception.DNSException, OSError) as error:
        raise Trouble(Stage.DNS, fault=Fault.DNS, detail=f"{kind} of {name}: {error}") from None
