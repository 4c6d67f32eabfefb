"""From an open connection to a session that takes mail: banner, EHLO, STARTTLS, AUTH.

The policy, in prose: STARTTLS as the endpoint demands, never less. `may` goes on in plain where the server refuses, and
on a new connection where the handshake fails; not with a login, which could not be used then. A password or token goes
out under TLS only, on loopback too. After STARTTLS all that was announced before is forgotten (RFC 3207 §4.2). An
access token may have ended before its time: one that is refused is had anew, once.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from dataclasses import replace

from mailroom.oauth import NoTokenError, access_token, forget
from mailroom.report import Stage
from mailroom.smtp.link import Link
from mailroom.smtp.options import Options
from mailroom.smtp.reply import Reply
from mailroom.smtp.route import Endpoint, Tls
from mailroom.smtp.trouble import Fault, Trouble
from mailroom.smtp.wire import Capabilities

_NO_EHLO = frozenset({500, 502})  # RFC 5321 §3.2: only these mean "try HELO"
_REFUSED = 535  # RFC 4954 §6
_DEMANDED = frozenset({Tls.MUST, Tls.VERIFY})


async def greet(endpoint: Endpoint, options: Options) -> tuple[Link, Capabilities]:
    """A connection ready for MAIL, and what the server announced; `Trouble` where it does not come to that."""
    try:
        return await _greet(endpoint, options)
    except Trouble as trouble:
        if endpoint.by_policy and trouble.fault in (Fault.TLS, Fault.NO_TLS):
            detail = trouble.detail or "it offers no STARTTLS"
            raise Trouble(trouble.stage, fault=Fault.POLICY, detail=detail, remote=trouble.remote) from None
        handshake_failed = trouble.stage is Stage.STARTTLS and trouble.fault is Fault.TLS
        if endpoint.tls is not Tls.MAY or endpoint.user or not handshake_failed:
            raise
    return await _greet(replace(endpoint, tls=Tls.NONE), options)


async def _greet(endpoint: Endpoint, options: Options) -> tuple[Link, Capabilities]:
    link = await Link.connect(endpoint, options.timeouts)
    try:
        await _banner(link, options)
        capabilities = await _ehlo(link, options)
        if await _starttls(link, capabilities, options):
            capabilities = await _ehlo(link, options)
        if endpoint.user:
            await _log_in(link, capabilities, options)
    except BaseException:
        link.abort()
        raise
    return link, capabilities


async def _banner(link: Link, options: Options) -> None:
    reply = await link.reply(Stage.BANNER, options.timeouts.banner)
    if reply.code != 220:
        raise link.refusal(Stage.BANNER, reply)


async def _ehlo(link: Link, options: Options) -> Capabilities:
    """What the server announced; nothing where it only knows HELO."""
    for verb in ("EHLO", "HELO"):
        reply = await link.ask(Stage.EHLO, f"{verb} {options.helo_name}\r\n".encode(), options.timeouts.ehlo)
        if reply.code == 250:
            return dict(_announced(reply)) if verb == "EHLO" else {}
        if reply.code not in _NO_EHLO:
            break
    raise link.refusal(Stage.EHLO, reply)


def _announced(reply: Reply) -> Iterator[tuple[str, str]]:
    for line in reply.lines[1:]:
        keyword, _, parameters = line[4:].strip().partition(" ")
        # QUIRK: old servers announce "AUTH=LOGIN PLAIN" beside the standard form.
        if keyword and "=" not in keyword:
            yield keyword.upper(), parameters


async def _starttls(link: Link, capabilities: Capabilities, options: Options) -> bool:
    """Whether the connection became a protected one here."""
    mode = link.endpoint.tls
    if mode in (Tls.NONE, Tls.IMPLICIT):
        return False
    if "STARTTLS" not in capabilities:
        if mode in _DEMANDED:
            raise link.trouble(Stage.STARTTLS, Fault.NO_TLS)
        return False
    reply = await link.ask(Stage.STARTTLS, b"STARTTLS\r\n", options.timeouts.ehlo)
    if reply.code == 220:
        await link.start_tls(Stage.STARTTLS, options.timeouts.ehlo)
        return True
    if mode in _DEMANDED or link.endpoint.user or reply.code == 421:
        raise link.refusal(Stage.STARTTLS, reply)
    return False


async def _log_in(link: Link, capabilities: Capabilities, options: Options) -> None:
    if not link.protected:
        raise link.trouble(Stage.AUTH, Fault.LOGIN_IN_CLEAR)
    offered = set(capabilities.get("AUTH", "").upper().split())
    wanted = [link.endpoint.auth.upper()] if link.endpoint.auth else ["PLAIN", "LOGIN"]
    mechanism = next((name for name in wanted if name in offered), "")
    if not mechanism:
        raise link.trouble(Stage.AUTH, Fault.NO_LOGIN, f"offered: {' '.join(sorted(offered)) or 'nothing'}")
    secret = await _secret(link)
    reply = await _authenticate(link, mechanism, secret, options)
    if reply.code == _REFUSED and link.endpoint.oauth is not None:
        forget(link.endpoint.oauth, secret)
        reply = await _authenticate(link, mechanism, await _secret(link), options)
    if reply.code != 235:
        raise link.refusal(Stage.AUTH, reply)


async def _secret(link: Link) -> str:
    """The password, or an access token."""
    if link.endpoint.oauth is None:
        return link.endpoint.password
    try:
        return await asyncio.to_thread(access_token, link.endpoint.oauth)
    except NoTokenError as error:
        raise link.trouble(Stage.AUTH, Fault.NO_ACCESS, str(error)) from None


async def _authenticate(link: Link, mechanism: str, secret: str, options: Options) -> Reply:
    """The last reply of the exchange: the server's verdict (RFC 4954 §4)."""
    for command in _steps(mechanism, link.endpoint.user.encode(), secret.encode()):
        reply = await link.ask(Stage.AUTH, command + b"\r\n", options.timeouts.ehlo)
        if reply.code != 334:
            break
    return reply


def _steps(mechanism: str, user: bytes, password: bytes) -> list[bytes]:
    """What we say, line by line, as long as the server answers 334."""
    if mechanism == "PLAIN":
        return [b"AUTH PLAIN " + base64.b64encode(b"\0" + user + b"\0" + password)]
    if mechanism == "LOGIN":
        return [b"AUTH LOGIN", base64.b64encode(user), base64.b64encode(password)]
    # QUIRK: a refused token is answered by 334 and a JSON text; an empty line brings the 535 out.
    token = b"user=" + user + b"\1auth=Bearer " + password + b"\1\1"
    return [b"AUTH XOAUTH2 " + base64.b64encode(token), b""]
