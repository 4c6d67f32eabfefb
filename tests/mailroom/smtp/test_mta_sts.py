"""MTA-STS against a name server, a policy host and mail servers on loopback."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import uvloop
from certificates import Certificate, make_certificate
from cryptography import x509
from delivering import QUICK, deliver, envelope, letter
from hypothesis import given
from hypothesis import strategies as st
from policy_host import ENFORCED, HANG, RECORD, PolicyHost
from scripted_server import NameServer, Script, Server

from mailroom.causes.catalogue import load
from mailroom.causes.classify import classify
from mailroom.report import DeliveryReport, Source, Stage
from mailroom.smtp.mta_sts import AGE_MAX, SIZE_MAX, Mode, Policy, read_id, read_policy
from mailroom.smtp.options import Options
from mailroom.smtp.route import Mx, Tls


@dataclass(frozen=True)
class Trust:
    """Both are issued by somebody whom `ca_file` trusts; `wrong` is for another name."""

    ca_file: str
    right: ssl.SSLContext
    wrong: ssl.SSLContext


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> Trust:
    def make(*names: str) -> Certificate:
        return make_certificate(tmp_path_factory.mktemp("sts"), *map(x509.DNSName, names))

    right, wrong = make("mta-sts.kunde.example", "mx1.kunde.example"), make("elsewhere.example")
    both = tmp_path_factory.mktemp("sts") / "both.pem"
    both.write_text("".join(Path(one.ca_file).read_text() for one in (right, wrong)))
    return Trust(str(both), right.context, wrong.context)


@dataclass
class Internet:
    """kunde.example's name service, policy host and one mail server, mx1.kunde.example."""

    names: NameServer
    host: PolicyHost
    mail: Server
    options: Options
    ca_file: str

    async def deliver(self, tls: Tls = Tls.MAY) -> DeliveryReport:
        route = Mx("kunde.example", self.mail.port, tls, self.ca_file)
        return (await deliver(route, [envelope(1)], self.options))["r1@kunde.example"]


@asynccontextmanager
async def internet(
    trust: Trust, host: PolicyHost, script: Script, host_certificate: ssl.SSLContext | None = None
) -> AsyncIterator[Internet]:
    zone: dict[str, dict[str, list[str]] | str] = {
        "kunde.example": {"MX": ["10 mx1.kunde.example."]},
        "mx1.kunde.example": {"A": ["127.0.0.1"]},
        "mx9.kunde.example": {"A": ["127.0.0.1"]},
        "_mta-sts.kunde.example": {"TXT": [RECORD]},
        "mta-sts.kunde.example": {"A": ["127.0.0.1"]},
    }
    async with (
        host.serving(host_certificate or trust.right) as port,
        NameServer(zone) as names,
        Server(script) as mail,
    ):
        options = replace(QUICK, resolver=names.address, policy_port=port)
        options = replace(options, timeouts=replace(options.timeouts, policy=1.0))
        yield Internet(names, host, mail, options, trust.ca_file)


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_what_is_demanded_and_kept(run: object, trust: Trust) -> None:
    host = PolicyHost()

    async def story() -> None:
        async with internet(trust, host, Script(tls=trust.right)) as world:
            assert letter(await world.deliver()) == "A"
            assert letter(await world.deliver()) == "A"
            assert "STARTTLS" in world.mail.commands
        assert len(host.asked) == 1, "kept"
        assert host.asked[0].startswith("GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: mta-sts.kunde.example\r\n")

    run(story())  # type: ignore[operator]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("wrong name", "Hostname mismatch, certificate is not valid for 'mx1.kunde.example'"),
        ("not offered", "it offers no STARTTLS"),
        ("454", "454 4.7.0 TLS not available"),
        ("handshake", "MTA-STS"),
        ("another host", "mx9.kunde.example not among mx1.kunde.example, *.mail.kunde.example"),
    ],
)
def test_what_is_demanded_and_not_kept_waits_and_says_why(fault: str, words: str, trust: Trust) -> None:
    good = Script(tls=trust.right)
    script = {
        "wrong name": Script(tls=trust.wrong),
        "not offered": Script(),
        "454": replace(good, acts={"starttls": "454 4.7.0 TLS not available"}),
        "handshake": replace(good, acts={"handshake": "no TLS"}),
        "another host": good,
    }[fault]

    async def story() -> None:
        async with internet(trust, PolicyHost(), script) as world:
            if fault == "another host":
                world.names.zone["kunde.example"] = {"MX": ["10 mx9.kunde.example."]}
            report = await world.deliver()
            commands = world.mail.commands
        assert letter(report) == "D"
        assert words in report.diagnostic
        assert not any(command.startswith("MAIL") for command in commands), "never less than is demanded"
        if report.source is Source.CLIENT:
            assert str(report.status) == "4.7.5"
            assert "MTA-STS" in report.diagnostic
        assert report.stage is (Stage.DNS if fault == "another host" else Stage.STARTTLS)
        assert report.remote_mta.startswith("mx9" if fault == "another host" else "mx1")
        cause = load().causes[classify(report).cause]
        assert cause.key == "tls_required"
        assert cause.sentence["en"].startswith("The mail had to go over an encrypted connection")
        assert cause.sentence["de"].startswith("Die E-Mail musste verschlüsselt übertragen werden")

    asyncio.run(story())


def test_a_host_that_the_policy_does_not_name_is_left_out(trust: Trust) -> None:
    async def story() -> None:
        async with internet(trust, PolicyHost(), Script(tls=trust.right)) as world:
            world.names.zone["kunde.example"] = {"MX": ["10 mx9.kunde.example.", "20 mx1.kunde.example."]}
            report = await world.deliver()
        assert (letter(report), report.remote_mta) == ("A", "mx1.kunde.example[127.0.0.1]")

    asyncio.run(story())


@pytest.mark.parametrize("mode", ["testing", "none"])
def test_only_enforce_changes_anything(mode: str, trust: Trust) -> None:
    host = PolicyHost(ENFORCED.replace("enforce", mode))

    async def story() -> None:
        async with internet(trust, host, Script(tls=trust.wrong)) as world:
            assert letter(await world.deliver()) == "A"
        assert len(host.asked) == 1

    asyncio.run(story())


@pytest.mark.parametrize(
    ("host", "asked"),
    [
        (PolicyHost(act="404 Not Found\r\nContent-Type: text/plain"), 1),
        (PolicyHost(act="301 Moved\r\nContent-Type: text/plain\r\nLocation: https://elsewhere.example/"), 1),
        (PolicyHost(act="200 OK\r\nContent-Type: text/html"), 1),
        (PolicyHost(act=HANG), 1),
        (PolicyHost("<html>"), 1),
        (PolicyHost(ENFORCED + "x" * SIZE_MAX), 1),
        (PolicyHost("another name"), 0),
    ],
)
def test_a_policy_that_cannot_be_had_is_none_and_not_asked_for_again_soon(
    host: PolicyHost, asked: int, trust: Trust
) -> None:
    stranger = trust.wrong if host.text == "another name" else None

    async def story() -> None:
        async with internet(trust, host, Script(tls=trust.wrong), stranger) as world:
            assert [letter(await world.deliver()) for _ in range(3)] == ["A", "A", "A"]
        assert len(host.asked) == asked

    asyncio.run(story())


def test_a_policy_holds_though_record_and_host_have_gone(trust: Trust) -> None:
    async def story() -> None:
        async with internet(trust, PolicyHost(), Script(tls=trust.right)) as world:
            assert letter(await world.deliver()) == "A"
            del world.names.zone["_mta-sts.kunde.example"], world.names.zone["mta-sts.kunde.example"]
            world.mail.script = Script()
            assert letter(await world.deliver()) == "D"

    asyncio.run(story())


def test_a_policy_that_has_ended_holds_no_more(trust: Trust) -> None:
    async def story() -> None:
        host = PolicyHost(ENFORCED.replace("86400", "0"))
        async with internet(trust, host, Script()) as world:
            assert letter(await world.deliver()) == "D"
            del world.names.zone["_mta-sts.kunde.example"]
            assert letter(await world.deliver()) == "A"

    asyncio.run(story())


def test_a_new_id_brings_the_new_policy_and_the_old_one_holds_until_then(trust: Trust) -> None:
    async def story() -> None:
        host = PolicyHost()
        async with internet(trust, host, Script()) as world:
            assert letter(await world.deliver()) == "D"
            host.act = "500 Oops\r\nContent-Type: text/plain"
            world.names.zone["_mta-sts.kunde.example"] = {"TXT": ['"v=STSv1; id=2;"']}
            assert [letter(await world.deliver()) for _ in range(2)] == ["D", "D"]
            assert len(host.asked) == 2
            host.act, host.text = PolicyHost.act, ENFORCED.replace("enforce", "none")
            world.names.zone["_mta-sts.kunde.example"] = {"TXT": ['"v=STSv1; id=3;"']}
            assert letter(await world.deliver()) == "A"

    asyncio.run(story())


def test_who_wants_no_tls_asks_for_no_policy(trust: Trust) -> None:
    async def story() -> None:
        host = PolicyHost()
        async with internet(trust, host, Script()) as world:
            assert letter(await world.deliver(Tls.NONE)) == "A"
        assert host.asked == []

    asyncio.run(story())


@pytest.mark.parametrize(
    ("records", "found"),
    [
        (["v=STSv1; id=20160831085700Z;"], "20160831085700Z"),
        (["v=STSv1;id=1"], "1"),
        (["v=spf1 -all", "v=STSv1; id=1; extra=yes"], "1"),
        ([], ""),
        (["v=STSv1; id=1;", "v=STSv1; id=2;"], ""),
        (["v=STSv1; id=1; id=2;"], ""),
        (["v=STSv1;"], ""),
        (["v=STSv1; id=not-one;"], ""),
        (["v=STSv1; id=" + "1" * 33], ""),
        ([" v=STSv1; id=1;"], ""),
        (["v=STSv2; id=1;"], ""),
    ],
)
def test_records(records: list[str], found: str) -> None:
    assert read_id(records) == found


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        (ENFORCED, Policy(Mode.ENFORCE, 86400, ("mx1.kunde.example", "*.mail.kunde.example"))),
        ("version:STSv1\nmode:testing\nmx:a.example\nmax_age:5", Policy(Mode.TESTING, 5, ("a.example",))),
        ("version: STSv1\nmode: none\nmax_age: 5\nnew: thing\n", Policy(Mode.NONE, 5)),
        ("version: STSv1\nmode: none\nmode: enforce\nmax_age: 5\n", Policy(Mode.NONE, 5)),
        ("version: STSv1\nmode: none\nmax_age: 9999999999\n", Policy(Mode.NONE, AGE_MAX)),
        ("version: STSv1\nmode: enforce\nmax_age: 5\n", None),
        ("version: STSv1\nmode: enforce\nmx: *\nmax_age: 5\n", None),
        ("version: STSv1\nmode: enforce\nmx: a.*.example\nmax_age: 5\n", None),
        ("version: STSv1\nmode: strict\nmx: a.example\nmax_age: 5\n", None),
        ("version: STSv1\nmode: enforce\nmx: a.example\n", None),
        ("version: STSv1\nmode: enforce\nmx: a.example\nmax_age: -5\n", None),
        ("version: STSv1\nmode: enforce\nmx: a.example\nmax_age: ٥\n", None),
        ("version: STSv2\nmode: enforce\nmx: a.example\nmax_age: 5\n", None),
        ("", None),
    ],
)
def test_policies(text: str, policy: Policy | None) -> None:
    assert read_policy(text) == policy


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("mx1.kunde.example", True),
        ("MX1.Kunde.Example.", True),
        ("a.mail.kunde.example", True),
        ("a.b.mail.kunde.example", False),
        ("mail.kunde.example", False),
        ("mx1.kunde.example.evil.example", False),
        ("", False),
    ],
)
def test_hosts_that_a_policy_names(host: str, allowed: bool) -> None:
    policy = read_policy(ENFORCED)
    assert policy is not None
    assert policy.allows(host) == allowed


@given(st.text(), st.lists(st.text()))
def test_any_text_is_read_or_is_none(text: str, records: list[str]) -> None:
    read_policy(text)
    read_policy(ENFORCED + text)
    read_id(records)
