"""Asking the name service: records, or the trouble that there are none to be had."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Any

import dns.asyncresolver
import dns.exception
import dns.name
import dns.resolver

from mailroom.report import Stage
from mailroom.smtp.options import Options
from mailroom.smtp.trouble import Fault, Trouble

_NAME_ERRORS = (dns.name.LabelTooLong, dns.name.NameTooLong, dns.name.EmptyLabel, dns.name.BadEscape)
_SERVER = re.compile(
    r"(?:\[(?P<six>[0-9a-f:.]+)\]|(?P<four>[0-9.]+))(?::(?P<port>[0-9]{1,5}))?", re.ASCII | re.IGNORECASE
)
_PORT, _PORT_MAX = 53, 65_535


def name_server(text: str) -> tuple[str, int]:
    """IP address and port of a name server: `192.0.2.53`, `192.0.2.53:5353`, `[2001:db8::53]:53`.

    ValueError, fit to be shown, where it is none: its name could not be looked up.
    """
    match = _SERVER.fullmatch(text.strip())
    host, port = (match["six"] or match["four"], int(match["port"] or _PORT)) if match else (text.strip(), _PORT)
    try:
        address = ip_address(host)
    except ValueError:
        port = 0
    if not 1 <= port <= _PORT_MAX:
        raise ValueError(f"{text!r} is no IP address with a port, such as 192.0.2.53:53 or [2001:db8::53]:53")
    return str(address), port


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
        address, port = name_server(options.resolver)
        resolver = dns.asyncresolver.Resolver(configure=False)
        resolver.nameservers = [address]
        resolver.port = port
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
