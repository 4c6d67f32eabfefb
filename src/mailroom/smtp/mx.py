"""Which hosts to ask, in order (RFC 5321 §5.1, RFC 7505).

The policy, in prose: by preference, chance among equals; each host with its IPv4 and IPv6 addresses; a domain without
MX is its own mail host; a null MX takes no mail. A host that is ourselves, and all behind it, are left out. "No such
domain" is final only if the name service says so; no answer is transient.
"""

from __future__ import annotations

import asyncio
import random
import socket
from dataclasses import replace
from typing import Any

import dns.asyncresolver
import dns.exception
import dns.name
import dns.resolver

from mailroom.address import ascii_domain
from mailroom.report import DeliveryReport, Stage
from mailroom.smtp.options import Options
from mailroom.smtp.route import Endpoint, Mx, Relay, Route
from mailroom.smtp.trouble import Fault, Trouble, report

_NAME_ERRORS = (dns.name.LabelTooLong, dns.name.NameTooLong, dns.name.EmptyLabel, dns.name.BadEscape)


async def resolve(route: Route, resolver: str = "", timeout: float = 20) -> list[Endpoint] | DeliveryReport:
    """The addresses to try, best first; or why there are none, as a report that names no recipient."""
    options = Options(resolver=resolver)
    try:
        async with asyncio.timeout(timeout):
            return await find_hosts(route, options)
    except TimeoutError:
        trouble = Trouble(Stage.DNS, fault=Fault.DNS, detail="timed out")
    except Trouble as known:
        trouble = known
    return report(trouble, by_relay=isinstance(route, Relay))


async def find_hosts(route: Route, options: Options) -> list[Endpoint]:
    """The addresses to try, best first, never none; `Trouble` where there are none."""
    if isinstance(route, Relay):
        return await _relay_hosts(route, options)
    if route.domain.startswith("[") and route.domain.endswith("]"):
        return [_endpoint(route, route.domain[1:-1].removeprefix("IPv6:"), route.domain[1:-1].removeprefix("IPv6:"))]
    domain = ascii_domain(route.domain)
    if domain is None:
        raise Trouble(Stage.DNS, fault=Fault.NO_DOMAIN, detail=route.domain)
    try:
        resolver = _resolver(options)
    except (dns.exception.DNSException, OSError, ValueError) as error:
        raise Trouble(Stage.DNS, fault=Fault.LOCAL, detail=f"no name service: {error}") from None
    names = await _exchanges(resolver, domain, options.helo_name)
    hosts = await _addresses(resolver, names, route)
    return hosts[: options.hosts_max]


async def _relay_hosts(route: Relay, options: Options) -> list[Endpoint]:
    """Relay names are the machine's own business (hosts file, containers): its resolver, not the one of the options."""
    found: list[Endpoint] = []
    details: list[str] = []
    for endpoint in route.endpoints:
        try:
            async with asyncio.timeout(options.timeouts.dns):
                infos = await asyncio.get_running_loop().getaddrinfo(
                    endpoint.host, endpoint.port, type=socket.SOCK_STREAM
                )
        except (OSError, UnicodeError) as error:
            details.append(f"{endpoint.host}: {error or 'timed out'}")
            continue
        found += [replace(endpoint, address=str(info[4][0])) for info in infos]
    if not found:
        raise Trouble(Stage.DNS, fault=Fault.DNS, detail="; ".join(details))
    return found[: options.hosts_max]


def _resolver(options: Options) -> dns.asyncresolver.Resolver:
    if not options.resolver:
        resolver = dns.asyncresolver.Resolver()
    else:
        host, _, port = options.resolver.rpartition(":")
        resolver = dns.asyncresolver.Resolver(configure=False)
        resolver.nameservers = [host.strip("[]")]
        resolver.port = int(port)
    resolver.lifetime = options.timeouts.dns
    return resolver


async def _exchanges(resolver: dns.asyncresolver.Resolver, domain: str, own_name: str) -> list[str]:
    """Host names of the domain's mail exchangers, best first."""
    records = await _ask(resolver, domain, "MX")
    if not records:
        return [domain]
    if len(records) == 1 and records[0].exchange == dns.name.root:
        raise Trouble(Stage.DNS, fault=Fault.NULL_MX, detail=domain)
    random.shuffle(records)
    records.sort(key=lambda record: record.preference)
    names = [record.exchange.to_text(omit_final_dot=True).lower() for record in records]
    if own_name.lower() in names:
        names = names[: names.index(own_name.lower())]
    if not names:
        raise Trouble(Stage.DNS, fault=Fault.LOOP, detail=domain)
    return names


async def _addresses(resolver: dns.asyncresolver.Resolver, names: list[str], route: Mx) -> list[Endpoint]:
    hosts: list[Endpoint] = []
    unknown: Trouble | None = None
    for name in names:
        for kind in ("A", "AAAA"):
            try:
                records = await _ask(resolver, name, kind)
            except Trouble as trouble:
                if trouble.fault is not Fault.NO_DOMAIN or name == route.domain:
                    unknown = trouble
                continue
            hosts += [_endpoint(route, name, record.address) for record in records]
    if not hosts:
        raise unknown or Trouble(Stage.DNS, fault=Fault.NO_ROUTE, detail=", ".join(names))
    return hosts


def _endpoint(route: Mx, host: str, address: str) -> Endpoint:
    return Endpoint(host, route.port, route.tls, ca_file=route.ca_file, address=address)


async def _ask(resolver: dns.asyncresolver.Resolver, name: str, kind: str) -> list[Any]:
    """The records, none where the name has no such ones."""
    try:
        return list(await resolver.resolve(name + ".", kind))
    except dns.resolver.NoAnswer:
        return []
    except (dns.resolver.NXDOMAIN, *_NAME_ERRORS):
        raise Trouble(Stage.DNS, fault=Fault.NO_DOMAIN, detail=name) from None
    except (dns.exception.DNSException, OSError) as error:
        raise Trouble(Stage.DNS, fault=Fault.DNS, detail=f"{kind} of {name}: {error}") from None
