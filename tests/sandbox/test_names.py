"""The played name service."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dns.exception
import dns.resolver
import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerback.outbound import mail_domains
from answerback.sandbox.names import NameServer, answer, records


@pytest.fixture
def resolver(in_loop: Callable[[Any], Any], settings: Any) -> Any:
    settings.MAIL_DOMAIN = settings.RETURN_PATH_DOMAIN = "acme.test"
    server = NameServer()
    host, port = in_loop(server.start("127.0.0.1", 0))
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port, resolver.lifetime = [host], port, 3
    yield resolver
    in_loop(server.stop())


@pytest.mark.parametrize(
    "domain,takes",
    [
        ("shop.sandbox.test", True),
        ("nomx.sandbox.test", True),
        ("nullmx.sandbox.test", False),
        ("nodomain.sandbox.test", False),
        ("gmial.com", False),
        ("servfail.sandbox.test", None),
        ("no..domain", False),
    ],
)
def test_whether_a_domain_takes_mail(resolver: Any, settings: Any, domain: str, takes: bool | None) -> None:
    settings.RESOLVER = f"{resolver.nameservers[0]}:{resolver.port}"
    mail_domains.forget()
    assert mail_domains.takes_mail(domain) is takes
    mail_domains.forget()


def test_what_a_domain_said_is_kept_for_a_while(resolver: Any, settings: Any) -> None:
    settings.RESOLVER = f"{resolver.nameservers[0]}:{resolver.port}"
    mail_domains.forget()
    assert mail_domains.takes_mail("shop.sandbox.test") is True
    settings.RESOLVER = "127.0.0.1:9"
    assert mail_domains.takes_mail("shop.sandbox.test") is True
    assert mail_domains.takes_mail("other.sandbox.test") is None
    mail_domains.forget()


@pytest.mark.parametrize("tcp", [False, True])
@pytest.mark.parametrize(
    "name,kind,expected",
    [
        ("shop.sandbox.test", "MX", ["10 mx.shop.sandbox.test."]),
        ("a.b.SANDBOX.test", "MX", ["10 mx.a.b.sandbox.test."]),
        ("sandbox.test", "MX", ["10 mx.sandbox.test."]),
        ("acme.test", "MX", ["10 mx.acme.test."]),
        ("mx.shop.sandbox.test", "A", ["127.0.0.1"]),
        ("nullmx.sandbox.test", "MX", ["0 ."]),
        ("mx.noserver.sandbox.test", "A", ["127.0.0.77"]),
        ("shop.sandbox.test", "TXT", ['"v=spf1 ip4:127.0.0.0/8 -all"']),
        ("forged.sandbox.test", "TXT", ['"v=spf1 -all"']),
        ("_dmarc.shop.sandbox.test", "TXT", ['"v=DMARC1; p=none"']),
    ],
)
def test_answers(resolver: Any, name: str, kind: str, expected: list[str], tcp: bool) -> None:
    found = resolver.resolve(name, kind, tcp=tcp)
    assert [record.to_text().lower() for record in found] == [
        text.lower() for text in expected
    ]  # names keep their case


@pytest.mark.parametrize(
    "name", ["gmail.com", "example.org", "sandbox.test.org", "nodomain.sandbox.test", "x.nodomain.sandbox.test"]
)
def test_no_such_domain(resolver: Any, name: str) -> None:
    with pytest.raises(dns.resolver.NXDOMAIN):
        resolver.resolve(name, "MX")


@pytest.mark.parametrize(
    "name,kind", [("nomx.sandbox.test", "MX"), ("shop.sandbox.test", "AAAA"), ("mx.a.sandbox.test", "MX")]
)
def test_a_name_without_such_records(resolver: Any, name: str, kind: str) -> None:
    with pytest.raises(dns.resolver.NoAnswer):
        resolver.resolve(name, kind)


def test_a_broken_name_server(resolver: Any) -> None:
    with pytest.raises(dns.resolver.NoNameservers):
        resolver.resolve("servfail.sandbox.test", "MX")


@given(st.binary(max_size=80))
def test_any_octets_are_survived(query: bytes) -> None:
    answer(query)


def test_a_server_without_mx_has_an_address(settings: Any) -> None:
    assert records("nomx.sandbox.test", "A") == ["127.0.0.1"]
