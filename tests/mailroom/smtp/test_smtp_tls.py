"""TLS and login: no downgrade, no password in clear, nothing believed that came before the handshake."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from urllib.parse import quote

import pytest
import uvloop
from certificates import Certificate
from delivering import QUICK, deliver, envelope, letter, relay_of
from scripted_server import CLOSE, HANG, Script, Server
from tests.mailroom.token_server import token_server

from mailroom.report import DeliveryReport, Scope, Stage
from mailroom.smtp.route import Tls, relay
from mailroom.smtp.session import check_login

GARBAGE = "this is no handshake"


async def outcome(script: Script, tls: Tls, **endpoint: str) -> tuple[DeliveryReport, Server]:
    async with Server(script) as server:
        reports = await deliver(relay_of(server, tls=tls, **endpoint), [envelope(1)])
    assert server.violations == []
    return reports["r1@kunde.example"], server


# What each mode makes of each server: A accepted, C waits (a relay's lack of protection is our fault).
MODES = [
    ("works", "A A A A"),
    ("not offered", "A A C C"),
    ("454", "A A C C"),
    ("close", "A C C C"),
    ("handshake garbage", "A A C C"),
    ("handshake close", "A A C C"),
    ("handshake hangs", "A A C C"),
    ("injection", "A A C C"),
    ("wrong name", "A A A C"),
    ("unknown authority", "A A A C"),
]


@pytest.mark.parametrize(
    ("server", "mode", "expected"),
    [
        (server, mode, letters.split()[column])
        for server, letters in MODES
        for column, mode in enumerate((Tls.NONE, Tls.MAY, Tls.MUST, Tls.VERIFY))
    ],
)
def test_modes(server: str, mode: Tls, expected: str, certificate: Certificate, wrong_certificate: Certificate) -> None:
    good = Script(tls=certificate.context)
    script = {
        "works": good,
        "not offered": Script(),
        "454": replace(good, acts={"starttls": "454 4.7.0 TLS not available"}),
        "close": replace(good, acts={"starttls": CLOSE}),
        "handshake garbage": replace(good, acts={"handshake": GARBAGE}),
        "handshake close": replace(good, acts={"handshake": CLOSE}),
        "handshake hangs": replace(good, acts={"handshake": HANG}),
        "injection": replace(good, inject=b"250-evil.example\r\n250 AUTH PLAIN"),
        "wrong name": Script(tls=wrong_certificate.context),
        "unknown authority": good,
    }[server]
    trusted = {"wrong name": wrong_certificate.ca_file, "unknown authority": ""}.get(server, certificate.ca_file)
    report, _ = asyncio.run(outcome(script, mode, ca_file=trusted))
    assert letter(report) == expected
    if expected == "C":
        assert report.stage is Stage.STARTTLS
        assert server in ("454", "close") or str(report.status).startswith("4.7.")


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
@pytest.mark.parametrize("implicit", [True, False])
def test_mail_goes_through_tls_on_both_loops(run: object, implicit: bool, certificate: Certificate) -> None:
    script = Script(tls=certificate.context, implicit=implicit)
    mode = Tls.IMPLICIT if implicit else Tls.VERIFY
    report, server = run(outcome(script, mode, ca_file=certificate.ca_file))  # type: ignore[operator]
    assert letter(report) == "A"
    assert len(server.taken) == 1


def test_implicit_tls_never_falls_back(certificate: Certificate) -> None:
    for script in (Script(), Script(tls=certificate.context, acts={"banner": HANG})):
        report, server = asyncio.run(outcome(script, Tls.IMPLICIT, ca_file=certificate.ca_file))
        assert letter(report) == "C"
        assert (report.stage, str(report.status)) == (Stage.CONNECT, "4.7.5")
        assert server.commands == []


def test_a_certificate_file_that_is_not_there_is_our_fault(certificate: Certificate) -> None:
    report, _ = asyncio.run(outcome(Script(tls=certificate.context), Tls.VERIFY, ca_file="/nowhere/ca.pem"))
    assert letter(report) == "C"
    assert "/nowhere/ca.pem" in report.diagnostic


@pytest.mark.parametrize("auth", ["", "plain", "login", "xoauth2"])
def test_logins(auth: str, certificate: Certificate) -> None:
    script = Script(tls=certificate.context, users={"desk": "gehe im"})
    report, server = asyncio.run(outcome(script, Tls.MUST, user="desk", password="gehe im", auth=auth))
    assert letter(report) == "A"
    assert server.logins == [f"{(auth or 'plain').upper()} desk"]


@pytest.mark.parametrize(
    ("auth", "acts", "code", "status"),
    [
        ("", {}, 535, "5.7.8"),
        ("login", {}, 535, "5.7.8"),
        ("xoauth2", {}, 535, "5.7.8"),
        ("", {"auth": "454 4.7.0 busy"}, 454, "4.7.0"),
        ("", {"auth": CLOSE}, None, "4.4.2"),
        ("", {"auth": HANG}, None, "4.4.2"),
        ("", {"auth": "garbage"}, None, "4.5.0"),
    ],
)
def test_a_refused_login_is_our_fault_and_fails_nobody(
    auth: str, acts: dict[str, str], code: int | None, status: str, certificate: Certificate
) -> None:
    script = Script(acts, tls=certificate.context, users={"desk": "right"})
    report, server = asyncio.run(outcome(script, Tls.MUST, user="desk", password="wrong", auth=auth))
    assert letter(report) == "C"
    assert (report.stage, report.reply_code, str(report.status)) == (Stage.AUTH, code, status)
    assert not any(command.startswith("MAIL") for command in server.commands)
    assert "wrong" not in report.diagnostic


# Access tokens

GOOD, OLD = b'{"access_token": "good", "expires_in": 3600}', b'{"access_token": "old", "expires_in": 3600}'


@pytest.mark.parametrize(
    ("answers", "asked", "told"),
    [
        ([(200, GOOD)], 1, "A"),
        ([(200, OLD), (200, GOOD)], 2, "A"),  # it ended before its time
        ([(200, OLD)], 2, "535 5.7.8 who are you?"),  # the account may not send: nothing helps but an admin
        ([(200, OLD), (400, b'{"error": "invalid_grant"}')], 2, "could be had: invalid_grant"),
        ([(401, b'{"error": "invalid_client"}')], 1, "could be had: invalid_client"),
    ],
)
def test_a_relay_that_takes_access_tokens(
    answers: list[tuple[int, bytes]], asked: int, told: str, certificate: Certificate
) -> None:
    script = Script(tls=certificate.context, users={"desk@acme.example": "good"})

    async def story(server: Server, url: str) -> DeliveryReport:
        query = f"tls=must&auth=oauth2&client_id=C&token_url={quote(url, safe='')}"
        async with server:
            route = relay(f"smtp://desk%40acme.example:secret@127.0.0.1:{server.port}?{query}")
            reports = await deliver(route, [envelope(1)])
        return reports["r1@kunde.example"]

    with token_server(*answers) as provider:
        server = Server(script)
        report = asyncio.run(story(server, provider.url))
    assert len(provider.forms) == asked
    assert server.violations == []
    if told == "A":
        assert (letter(report), server.logins) == ("A", ["XOAUTH2 desk@acme.example"])
    else:
        assert (letter(report), report.stage, report.scope) == ("C", Stage.AUTH, Scope.SITE)
        assert told in report.diagnostic
        assert "secret" not in report.diagnostic
        assert not any(command.startswith("MAIL") for command in server.commands)


@pytest.mark.parametrize("tls", [Tls.NONE, Tls.MAY])
def test_no_password_in_clear(tls: Tls) -> None:
    report, server = asyncio.run(outcome(Script(users={"desk": "secret"}), tls, user="desk", password="secret"))
    assert (letter(report), report.stage, str(report.status)) == ("C", Stage.AUTH, "4.7.11")
    assert not any(command.startswith("AUTH") for command in server.commands)


@pytest.mark.parametrize(
    ("acts", "words"),
    [({"starttls": "454 4.7.0 TLS not available"}, "454 4.7.0"), ({"handshake": GARBAGE}, "no protected")],
)
def test_with_a_login_failing_tls_is_told_as_that(acts: dict[str, str], words: str, certificate: Certificate) -> None:
    script = Script(acts, tls=certificate.context, users={"desk": "secret"})
    report, server = asyncio.run(outcome(script, Tls.MAY, user="desk", password="secret"))
    assert (letter(report), report.stage) == ("C", Stage.STARTTLS)
    assert report.diagnostic.startswith(words)
    assert server.sessions == 1


def test_a_server_without_a_login_that_we_know(certificate: Certificate) -> None:
    script = Script(tls=certificate.context, extensions=("AUTH GSSAPI",))
    report, _ = asyncio.run(outcome(script, Tls.MUST, user="desk", password="secret"))
    assert (letter(report), report.stage) == ("C", Stage.AUTH)
    assert "GSSAPI" in report.diagnostic


def test_the_doctor_sees_what_a_login_says(certificate: Certificate) -> None:
    async def ask(password: str) -> DeliveryReport | None:
        async with Server(Script(tls=certificate.context, users={"desk": "right"})) as server:
            return await check_login(relay_of(server, tls=Tls.MUST, user="desk", password=password), QUICK)

    assert asyncio.run(ask("right")) is None
    refused = asyncio.run(ask("wrong"))
    assert refused is not None
    assert (refused.ours, refused.reply_code, refused.recipient) == (True, 535, "")
