"""Which hosts to ask, in order (RFC 5321 §5.1, RFC 7505, RFC 8461).

The policy, in prose: by preference, chance among equals; each host with its IPv4 and IPv6 addresses; a domain without
MX is its own mail host; a null MX takes no mail. A host that is ourselves, and all behind it, are left out; so is one
that the domain's enforced MTA-STS policy does not name. "No such domain" is final only if the name service says so; no
answer is transient. An address literal is its own host; what stands in brackets and is no IP address is looked up
nowhere, for a stranger could have us talk to names that only this machine knows.
"""

from __future__ import annotations

import asyncio
import random
import socket
from dataclasses import replace

import dns.asyncresolver
import dns.name

from mailroom.address import ascii_domain, literal_ip
from mailroom.report import DeliveryReport, Stage
from mailroom.smtp import mta_sts
from mailroom.smtp.names import ask, resolver_of
from mailroom.smtp.options import Options
from mailroom.smtp.route import Endpoint, Mx, Relay, Route, Tls
from mailroom.smtp.trouble import Fault, Trouble, report


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
    if route.domain.startswith("["):
        return [_literal_host(route)]
    domain = ascii_domain(route.domain)
    if domain is None:
        raise Trouble(Stage.DNS, fault=Fault.NO_DOMAIN, detail=route.domain)
    resolver = resolver_of(options)
    names = await _exchanges(resolver, domain, options.helo_name)
    policy = await mta_sts.policy_of(domain, resolver, options, route.ca_file) if route.tls is not Tls.NONE else None
    if policy is None or not policy.enforced:
        return (await _addresses(resolver, names[: options.hosts_max], route))[: options.hosts_max]
    hosts = await _addresses(resolver, _allowed(names, policy)[: options.hosts_max], route)
    return [replace(host, tls=Tls.VERIFY, by_policy=True) for host in hosts[: options.hosts_max]]


def _literal_host(route: Mx) -> Endpoint:
    address = literal_ip(route.domain)
    if address is None:
        raise Trouble(Stage.DNS, fault=Fault.BAD_RECIPIENT, detail=f"{route.domain} is no IP address")
    return _endpoint(route, address, address)


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


async def _exchanges(resolver: dns.asyncresolver.Resolver, domain: str, own_name: str) -> list[str]:
    """Host names of the domain's mail exchangers, best first."""
    records = await ask(resolver, domain, "MX")
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


def _allowed(names: list[str], policy: mta_sts.Policy) -> list[str]:
    """Only those that the domain's policy names (RFC 8461 §4.1)."""
    allowed = [name for name in names if policy.allows(name)]
    if not allowed:
        strangers = f"{', '.join(names)} not among {', '.join(policy.patterns)}"
        raise Trouble(Stage.DNS, fault=Fault.POLICY, detail=strangers, remote=names[0])
    return allowed


async def _addresses(resolver: dns.asyncresolver.Resolver, names: list[str], route: Mx) -> list[Endpoint]:
    """The names' addresses, in their order. All are asked for at once: silence costs one wait, not one for each."""
    asked = [(name, kind) for name in names for kind in ("A", "AAAA")]
    answers = await asyncio.gather(*(ask(resolver, name, kind) for name, kind in asked), return_exceptions=True)
    hosts: list[Endpoint] = []
    unknown: Trouble | None = None
    for (name, _), answer in zip(asked, answers, strict=True):
        if isinstance(answer, Trouble):
            if answer.fault is not Fault.NO_DOMAIN or name == route.domain:
                unknown = answer
        elif isinstance(answer, BaseException):
            raise answer
        else:
            hosts += [_endpoint(route, name, record.address) for record in answer]
    if not hosts:
        raise unknown or Trouble(Stage.DNS, fault=Fault.NO_ROUTE, detail=", ".join(names))
    return hosts


def _endpoint(route: Mx, host: str, address: str) -> Endpoint:
    return Endpoint(host, route.port, route.tls, ca_file=route.ca_file, address=address)
