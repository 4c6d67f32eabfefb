"""MTA-STS (RFC 8461): what a domain demands of those who say that they are its mail servers.

The policy, in prose:

* A TXT record says that there is a policy, and which one; it is fetched over HTTPS where it is a new one. It is asked
  for at every look-up of mail servers, but not where the setting wants no TLS at all.
* A policy is good for as long as it says, whatever DNS and the web say meanwhile: whoever can hide the record could
  switch it off otherwise. It is kept by this process.
* A policy that cannot be had, or read, is none (§5.1). It is not asked for again for five minutes.
* Only "enforce" changes anything. With "testing" we would have to write reports (RFC 8460), which we do not.

The host of the policy is reached by its name's addresses as our resolver knows them. Nothing is said to it before it
has proven its name, so that nobody can have us ask a server inside for something.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

import dns.asyncresolver
import httpx

from mailroom.smtp.names import ask
from mailroom.smtp.options import Options
from mailroom.smtp.route import Tls
from mailroom.smtp.tls import client_context
from mailroom.smtp.trouble import Trouble

SIZE_MAX = 64 * 1024
AGE_MAX = 31_557_600  # seconds: a year (§3.2)
RETRY_SECONDS = 300
_KEPT_MAX = 10_000  # domains

_RECORD = re.compile(r"v=STSv1[ \t]*;(.*)", re.DOTALL)
_ID = re.compile(r"[ \t]*id[ \t]*=[ \t]*([A-Za-z0-9]{1,32})[ \t]*")
_AGE = re.compile(r"[0-9]{1,10}")
_PATTERN = re.compile(r"(?:\*\.)?(?:[a-z0-9_-]+\.)+[a-z0-9-]+")


K = TypeVar("K")
V = TypeVar("V")


class Mode(StrEnum):
    ENFORCE = "enforce"
    TESTING = "testing"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Policy:
    """`patterns` are host names, or "*." before one for each of its direct children."""

    mode: Mode
    max_age: int  # seconds
    patterns: tuple[str, ...] = ()

    @property
    def enforced(self) -> bool:
        return self.mode is Mode.ENFORCE

    def allows(self, host: str) -> bool:
        """Whether the policy names the host (§4.1)."""
        name = host.lower().rstrip(".")
        return name in self.patterns or "*." + name.partition(".")[2] in self.patterns


@dataclass(frozen=True, slots=True)
class _Kept:
    """A domain's policy, good until that time of the monotonic clock."""

    id: str
    policy: Policy
    until: float


_kept: dict[tuple[str, str], _Kept] = {}  # by name server and domain
_failed: dict[tuple[str, str, str], float] = {}  # by those and id: not to be fetched again before


async def policy_of(
    domain: str, resolver: dns.asyncresolver.Resolver, options: Options, ca_file: str = ""
) -> Policy | None:
    """The domain's policy of now; None where it has none."""
    policy_id = await _announced(domain, resolver)
    now = time.monotonic()
    kept = _kept.get((options.resolver, domain))
    if kept is not None and kept.until <= now:
        kept = None
    is_new = policy_id and (kept is None or kept.id != policy_id)
    if is_new and _failed.get((options.resolver, domain, policy_id), now) <= now:
        policy = await _fetch(domain, resolver, options, ca_file)
        if policy is not None:
            _note(_kept, (options.resolver, domain), _Kept(policy_id, policy, now + policy.max_age))
            return policy
        _note(_failed, (options.resolver, domain, policy_id), now + RETRY_SECONDS)
    return kept.policy if kept is not None else None


def _note(memory: dict[K, V], key: K, value: V) -> None:
    """The oldest goes where there are too many: anybody can have us learn of domains."""
    memory.pop(key, None)
    memory[key] = value
    while len(memory) > _KEPT_MAX:
        del memory[next(iter(memory))]


async def _announced(domain: str, resolver: dns.asyncresolver.Resolver) -> str:
    """The id of the policy that DNS speaks of; "" where there is none."""
    try:
        records = await ask(resolver, f"_mta-sts.{domain}", "TXT")
    except Trouble:
        return ""
    return read_id([b"".join(record.strings).decode("ascii", "replace") for record in records])


async def _fetch(domain: str, resolver: dns.asyncresolver.Resolver, options: Options, ca_file: str) -> Policy | None:
    host = f"mta-sts.{domain}"
    try:
        async with asyncio.timeout(options.timeouts.policy):
            for address in await _addresses(host, resolver):
                text = await _get(host, address, options, ca_file)
                if text is not None:
                    return read_policy(text)
    except (TimeoutError, Trouble):
        pass
    return None


async def _addresses(host: str, resolver: dns.asyncresolver.Resolver) -> list[str]:
    return [str(record.address) for kind in ("A", "AAAA") for record in await ask(resolver, host, kind)]


async def _get(host: str, address: str, options: Options, ca_file: str) -> str | None:
    """The policy's text; None where there is none to be had there."""
    literal = f"[{address}]" if ":" in address else address
    url = f"https://{literal}:{options.policy_port}/.well-known/mta-sts.txt"
    asking = {"Host": host, "Accept-Encoding": "identity"}
    trust, patience = client_context(Tls.VERIFY, ca_file), options.timeouts.policy
    try:
        async with (
            httpx.AsyncClient(verify=trust, trust_env=False, timeout=patience) as client,
            client.stream("GET", url, headers=asking, extensions={"sni_hostname": host}) as answer,
        ):
            kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
            if answer.status_code != httpx.codes.OK or kind != "text/plain":  # §3.3: a redirection is no policy
                return None
            text = b""
            async for piece in answer.aiter_raw():  # as it comes: what is packed could unfold without end
                text += piece
                if len(text) > SIZE_MAX:
                    return None
            return text.decode("utf-8", "replace")
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError):
        return None


def read_id(records: Sequence[str]) -> str:
    """The id in `_mta-sts` TXT records (§3.1); "" where they name no policy: none does, or more than one."""
    found = [match[1] for record in records if (match := _RECORD.match(record))]
    if len(found) != 1:
        return ""
    ids = [match[1] for part in found[0].split(";") if (match := _ID.fullmatch(part))]
    return ids[0] if len(ids) == 1 else ""


def read_policy(text: str) -> Policy | None:
    """A policy's text (§3.2), None where it is none."""
    fields: dict[str, list[str]] = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon:
            fields.setdefault(name.strip(), []).append(value.strip().lower())
    mode, age = fields.get("mode", [""])[0], fields.get("max_age", [""])[0]
    if fields.get("version", [""])[0] != "stsv1" or mode not in list(Mode) or not _AGE.fullmatch(age):
        return None
    patterns = tuple(pattern.rstrip(".") for pattern in fields.get("mx", []))
    if not all(map(_PATTERN.fullmatch, patterns)) or (mode != Mode.NONE and not patterns):
        return None
    return Policy(Mode(mode), min(int(age), AGE_MAX), patterns)
