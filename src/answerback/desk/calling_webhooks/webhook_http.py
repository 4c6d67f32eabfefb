"""One attempt of one call: signed, bounded in time and size, and only where we may go.

Policy: the name of the endpoint is resolved here, every address is looked at, and the connection goes to the address
that was looked at, so that a name cannot change its mind in between. Addresses of private networks are refused unless
`WEBHOOK_PRIVATE` is set; multicast and the like always. Redirects are not followed. No transaction is open meanwhile.

The signature is base64(HMAC-SHA256(secret, timestamp + body)), as Zendesk signs, under names of ours.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import ipaddress
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import httpx
from django.conf import settings

from answerback import __version__
from answerback.desk.calling_webhooks.webhook_policy import FORBIDDEN, Answer
from mailroom.smtp.route import Tls
from mailroom.smtp.tls import client_context

SIGNATURE = "X-Answerback-Webhook-Signature"
TIMESTAMP = "X-Answerback-Webhook-Signature-Timestamp"
WEBHOOK_ID = "X-Answerback-Webhook-Id"
EVENT_ID = "X-Answerback-Webhook-Event-Id"
ATTEMPT = "X-Answerback-Webhook-Attempt"
RESPONSE_KEPT = 4096  # octets that are read of an answer
MOST_ADDRESSES = 4
# ways of writing an IPv4 address as an IPv6 one: they are as private as what is in them
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_SIX_TO_FOUR = ipaddress.ip_network("2002::/16")


@dataclass(frozen=True, slots=True)
class Request:
    """All that an attempt needs, read from the database beforehand."""

    url: str
    body: bytes
    headers: Mapping[str, str]
    secret: str
    basic: tuple[str, str] | None = None
    bearer: str = ""


class ForbiddenAddressError(Exception):
    """The endpoint leads to an address that we must not call."""


async def post(request: Request, now: datetime) -> Answer:
    """Never raises for what the other side does: that is an Answer."""
    started = time.monotonic()
    try:
        async with asyncio.timeout(settings.WEBHOOK_TIMEOUT):
            status, text, retry_after = await _post(request, now)
    except TimeoutError:
        return Answer(error="timeout", seconds=_since(started))
    except ForbiddenAddressError:
        return Answer(error=FORBIDDEN, seconds=_since(started))
    except socket.gaierror as error:
        return Answer(error=f"no_such_host {error.strerror or ''}".strip(), seconds=_since(started))
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, ssl.SSLError, ValueError) as error:
        return Answer(error=f"connection {error or type(error).__name__}"[:300], seconds=_since(started))
    return Answer(status, text, retry_after=retry_after, seconds=_since(started))


def signature(secret: str, timestamp: str, body: bytes) -> str:
    digest = hmac.new(secret.encode(), timestamp.encode() + body, hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def may_call(address: str) -> bool:
    """Is this numeric address one that a webhook may go to?"""
    found = _unwrapped(ipaddress.ip_address(address.partition("%")[0]))
    if found.is_multicast or found.is_unspecified:
        return False
    return found.is_global or bool(settings.WEBHOOK_PRIVATE)


async def _post(request: Request, now: datetime) -> tuple[int, str, str]:
    url = httpx.URL(request.url)
    addresses = await _addresses(url)
    headers = signed_headers(request, now) | {"Host": url.netloc.decode("ascii")}
    async with _client(request) as client:
        for address in addresses[:-1]:
            try:
                return await _post_to(client, url, address, request.body, headers)
            except httpx.ConnectError:  # a host with IPv4 and IPv6 may listen on one of them only
                continue
        return await _post_to(client, url, addresses[-1], request.body, headers)


def signed_headers(request: Request, now: datetime) -> dict[str, str]:
    """What is sent along but for Host and Authorization: also what the log shows."""
    timestamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    ours = {
        "Content-Type": "application/json; charset=utf-8",
        "Accept-Encoding": "identity",
        "User-Agent": f"Answerback/{__version__}",
        TIMESTAMP: timestamp,
        SIGNATURE: signature(request.secret, timestamp, request.body),
    }
    return {**request.headers, **ours}


def _client(request: Request) -> httpx.AsyncClient:
    """A client for this one call. Proxies and passwords of the environment are nobody's business here."""
    basic = httpx.BasicAuth(*request.basic) if request.basic else None
    bearer = {"Authorization": f"Bearer {request.bearer}"} if request.bearer else None
    trust = client_context(Tls.VERIFY, settings.TLS_CA_FILE)  # made once: it costs some 50 ms
    return httpx.AsyncClient(
        verify=trust, trust_env=False, auth=basic, headers=bearer, timeout=settings.WEBHOOK_TIMEOUT
    )


async def _addresses(url: httpx.URL) -> list[str]:
    """Numeric addresses of the endpoint, each one allowed. gaierror, ForbiddenAddressError."""
    port = url.port or {"http": 80, "https": 443}[url.scheme]
    host = url.raw_host.decode("ascii")
    rows = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    found = list(dict.fromkeys(str(row[4][0]) for row in rows))
    if not all(map(may_call, found)):  # a name that also means a private address is somebody's trick
        raise ForbiddenAddressError(host)
    return found[:MOST_ADDRESSES]


async def _post_to(
    client: httpx.AsyncClient, url: httpx.URL, address: str, body: bytes, headers: Mapping[str, str]
) -> tuple[int, str, str]:
    """To this address, but with the name of the endpoint in Host and for the certificate."""
    request = client.build_request(
        "POST",
        url.copy_with(host=address),
        content=body,
        headers=headers,
        extensions={"sni_hostname": url.raw_host.decode("ascii")} if url.scheme == "https" else {},
    )
    response = await client.send(request, stream=True)
    try:
        return response.status_code, await _beginning(response), response.headers.get("retry-after", "")
    finally:
        await response.aclose()


async def _beginning(response: httpx.Response) -> str:
    kept = b""
    async for block in response.aiter_raw(RESPONSE_KEPT):
        kept += block
        if len(kept) >= RESPONSE_KEPT:
            break
    return kept[:RESPONSE_KEPT].decode("utf-8", "replace").replace("\x00", "�")


def _unwrapped(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped:
        return address.ipv4_mapped
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if address in _SIX_TO_FOUR:
        return ipaddress.IPv4Address((int(address) >> 80) & 0xFFFFFFFF)
    return address


def _since(started: float) -> float:
    return round(time.monotonic() - started, 3)
