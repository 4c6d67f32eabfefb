"""Where mail goes: the relay setting, and MX look-ups against a name server on loopback."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from delivering import QUICK, deliver, envelope, letter
from scripted_server import NameServer, Script, Server

from mailroom.oauth import OAuth
from mailroom.report import DeliveryReport, Stage
from mailroom.smtp.mx import resolve
from mailroom.smtp.names import name_server
from mailroom.smtp.options import Options
from mailroom.smtp.route import Endpoint, Mx, Relay, Tls, relay, url_of


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("smtp://relay.example", Endpoint("relay.example", 25, Tls.MAY)),
        ("smtp://127.0.0.1:2525?tls=none", Endpoint("127.0.0.1", 2525, Tls.NONE)),
        ("smtp://[::1]:2525?tls=must", Endpoint("::1", 2525, Tls.MUST)),
        ("submission://u@relay.example?tls=verify", Endpoint("relay.example", 587, Tls.VERIFY, "u")),
        ("smtps://u%40x:p%3Aw%2F@relay.example", Endpoint("relay.example", 465, Tls.IMPLICIT, "u@x", "p:w/")),
        ("smtps://u:t@r.example?auth=XOAUTH2", Endpoint("r.example", 465, Tls.IMPLICIT, "u", "t", auth="xoauth2")),
    ],
)
def test_relay_settings(url: str, endpoint: Endpoint) -> None:
    assert relay(url) == Relay((endpoint,))
    assert relay(url_of(endpoint)) == Relay((endpoint,))
    assert relay(url, "/ca.pem") == Relay((replace(endpoint, ca_file="/ca.pem"),))
    assert relay(url).to("kunde.example") == relay(url)


@pytest.mark.parametrize(
    ("url", "route"),
    [
        ("mx", Mx("kunde.example")),
        ("mx:2526", Mx("kunde.example", 2526)),
        ("mx:2526?tls=none", Mx("kunde.example", 2526, Tls.NONE)),
        ("mx?tls=verify", Mx("kunde.example", 25, Tls.VERIFY)),
    ],
)
def test_mx_settings(url: str, route: Mx) -> None:
    assert relay(url).to("kunde.example") == route


@pytest.mark.parametrize(
    "url",
    ["", "relay.example", "http://relay.example", "smtp://", "smtp://r:x", "smtp://r?tls=maybe", "smtp://r?auth=ntlm"],
)
def test_settings_that_are_none(url: str) -> None:
    with pytest.raises(ValueError):
        relay(url)


def test_relays_that_take_access_tokens() -> None:
    microsoft = relay("smtp://a%40x:s3cret@smtp.office365.com:587?tls=verify&auth=microsoft&tenant=T&client_id=C")
    google = relay("smtps://a%40x:r3fresh@smtp.gmail.com?auth=google&client_id=C&client_secret=S")
    assert isinstance(microsoft, Relay)
    assert isinstance(google, Relay)
    [first], [second] = microsoft.endpoints, google.endpoints
    assert (first.user, first.password, first.auth, first.tls) == ("a@x", "", "xoauth2", Tls.VERIFY)
    assert first.oauth == OAuth(
        "https://login.microsoftonline.com/T/oauth2/v2.0/token",
        "C",
        "https://outlook.office365.com/.default",
        client_secret="s3cret",
    )
    assert second.oauth == OAuth("https://oauth2.googleapis.com/token", "C", client_secret="S", refresh_token="r3fresh")
    assert not {"s3cret", "r3fresh", "'S'"} & set(repr((microsoft, google)).replace(",", " ").split())


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("smtp://a:secret@r?auth=microsoft&client_id=C", "auth=microsoft needs tenant"),
        ("smtp://a:secret@r?auth=google", "auth=google needs client_id"),
        ("smtp://r?auth=oauth2&client_id=C&token_url=U", "auth=oauth2 needs a user"),
        ("smtp://a:secret@r?auth=ntlm", "auth=ntlm is not one of plain, login, xoauth2, microsoft, google, oauth2"),
        ("smtp://a:secret@r?tls=ssl", "tls=ssl is not one of none, may, must, verify"),
        ("smtp://a:secret@r?tls=", "tls= is not one of none, may, must, verify"),
        ("smtp://a:secret@r?TLS=must", "behind the ? of smtp://r may stand, once each: tls, auth,"),
        ("smtp://a:secret@r?tls=none&tls=must", "behind the ? of smtp://r may stand, once each: tls, auth,"),
        ("mx?auth=plain", "may stand, once each: tls"),
        ("smtp://a:secret@r/tls=must", "too much behind smtp://r "),
        ("smtp://a:secret@r#tls=must", "too much behind smtp://r "),
        ("smtp://a:/secret@r", "too much behind smtp://a "),
        ("smtp://a:25/secret@r", "too much behind smtp://a "),
        ("smtp://a:25?secret@r", "too much behind smtp://a "),
        ("smtp://a@b.example:secret/@r", "too much behind smtp://b.example "),
        ("smtp://a:secret@r:secret", "not a port behind smtp://r"),
        ("smtp://a:[secret@r", "with / ? # @ in a password as %2F %3F %23 %40"),
        ("smtp://a:secret\uff1a@r", "not a relay"),
        ("a:secret@r", "not a relay: a:// "),
    ],
)
def test_settings_that_lack_something_say_what(url: str, problem: str) -> None:
    with pytest.raises(ValueError) as raised:
        relay(url)
    assert problem in str(raised.value)
    assert "secret" not in str(raised.value).replace("client_secret", "")


def test_several_relays_and_secrets_that_do_not_show() -> None:
    route = relay("smtps://a:geheim@one.example smtp://two.example")
    assert isinstance(route, Relay)
    assert [endpoint.host for endpoint in route.endpoints] == ["one.example", "two.example"]
    assert "geheim" not in repr(route)
    with pytest.raises(ValueError) as error:
        relay("http://a:geheim@one.example")
    assert "geheim" not in str(error.value)


ZONE: dict[str, dict[str, list[str]] | str] = {
    "two.example": {"MX": ["20 second.two.example.", "10 first.two.example."]},
    "first.two.example": {"A": ["127.0.0.1"], "AAAA": ["::1"]},
    "second.two.example": {"A": ["127.0.0.2"]},
    "bare.example": {"A": ["127.0.0.1"]},
    "xn--mller-kva.example": {"MX": ["10 first.two.example."]},
    "half.example": {"MX": ["10 gone.example.", "20 second.two.example."]},
    "null.example": {"MX": ["0 ."]},
    "nothing.example": {"TXT": ['"hello"']},
    "pointing-nowhere.example": {"MX": ["10 gone.example."]},
    "us.example": {"MX": ["10 desk.example.", "20 second.two.example."]},
    "backup.example": {"MX": ["10 first.two.example.", "20 desk.example.", "30 second.two.example."]},
    "broken.example": "SERVFAIL",
    "silent.example": "DROP",
    "half-broken.example": {"MX": ["10 broken.example.", "20 gone.example."]},
}


@pytest.mark.parametrize(
    ("domain", "addresses"),
    [
        ("two.example", ["127.0.0.1", "::1", "127.0.0.2"]),
        ("TWO.example.", ["127.0.0.1", "::1", "127.0.0.2"]),
        ("bare.example", ["127.0.0.1"]),
        ("müller.example", ["127.0.0.1", "::1"]),
        ("half.example", ["127.0.0.2"]),
        ("[127.0.0.9]", ["127.0.0.9"]),
        ("[IPv6:::1]", ["::1"]),
        ("[ipv6:2001:db8::1]", ["2001:db8::1"]),
    ],
)
def test_hosts_in_order(domain: str, addresses: list[str]) -> None:
    async def story() -> None:
        async with NameServer(ZONE) as names:
            hosts = await resolve(Mx(domain, 2526, Tls.NONE), names.address)
        assert isinstance(hosts, list)
        assert [host.address for host in hosts] == addresses
        assert {(host.port, host.tls) for host in hosts} == {(2526, Tls.NONE)}

    asyncio.run(story())


@pytest.mark.parametrize(
    ("domain", "permanent", "status"),
    [
        ("gone.example", True, "5.1.2"),
        ("x" * 70 + ".example", True, "5.1.2"),
        ("null.example", True, "5.1.10"),
        ("nothing.example", True, "5.4.4"),
        ("pointing-nowhere.example", True, "5.4.4"),
        ("broken.example", False, "4.4.3"),
        ("silent.example", False, "4.4.3"),
        ("half-broken.example", False, "4.4.3"),
        ("[localhost]", True, "5.1.3"),
        ("[a..b]", True, "5.1.3"),
        ("[...]", True, "5.1.3"),
        ("[" + "x" * 70 + "]", True, "5.1.3"),
        ("[192.0.2.1", True, "5.1.3"),
    ],
)
def test_domains_without_a_host(domain: str, permanent: bool, status: str) -> None:
    async def story() -> None:
        async with NameServer(ZONE) as names:
            report = await resolve(Mx(domain), names.address, timeout=0.7)
        assert isinstance(report, DeliveryReport)
        assert (report.permanent, str(report.status), report.stage) == (permanent, status, Stage.DNS)
        assert not report.ours
        assert report.reply_code is None

    asyncio.run(story())


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("192.0.2.53", ("192.0.2.53", 53)),
        ("192.0.2.53:5353", ("192.0.2.53", 5353)),
        ("[2001:db8::53]:5353", ("2001:db8::53", 5353)),
        ("[2001:DB8::53]", ("2001:db8::53", 53)),
        (" 2001:db8::53 ", ("2001:db8::53", 53)),
    ],
)
def test_name_servers(text: str, server: tuple[str, int]) -> None:
    assert name_server(text) == server


def test_a_name_server_that_is_not_there_is_asked_in_vain() -> None:
    report = asyncio.run(resolve(Mx("two.example"), "127.0.0.1:9", timeout=0.7))
    assert isinstance(report, DeliveryReport)
    assert (report.permanent, str(report.status)) == (False, "4.4.3")


def test_a_domain_with_hundreds_of_silent_servers_costs_one_wait() -> None:
    names = [f"mx{number}.many.example" for number in range(30)]
    zone: dict[str, dict[str, list[str]] | str] = dict.fromkeys(names, "DROP")
    zone["many.example"] = {"MX": [f"{number} {name}." for number, name in enumerate(names)]}

    async def story() -> None:
        async with NameServer(zone) as name_server:
            found = await resolve(Mx("many.example"), name_server.address, timeout=0.7)
        assert isinstance(found, DeliveryReport)
        asked = {name for name in name_server.asked if name.startswith("mx")}
        assert asked == set(names[: Options().hosts_max]), "at once, and not all"

    asyncio.run(story())


@pytest.mark.parametrize(
    ("domain", "expected", "status"),
    [("us.example", "F", "5.4.6"), ("backup.example", "A", "2.0.0"), ("null.example", "F", "5.1.10")],
)
def test_our_own_name_among_the_exchangers(domain: str, expected: str, status: str) -> None:
    async def story() -> None:
        async with Server(Script()) as server, NameServer(ZONE) as names:
            options = replace(QUICK, resolver=names.address)
            reports = await deliver(Mx(domain, server.port, Tls.NONE), [envelope(1)], options)
        report = reports["r1@kunde.example"]
        assert (letter(report), str(report.status)) == (expected, status)

    asyncio.run(story())


def test_the_next_exchanger_takes_what_the_first_does_not() -> None:
    """Nothing listens at the first one's address (127.0.0.1, ::1): theirs to mend, and not our fault."""

    async def story() -> None:
        async with Server(Script(), "127.0.0.2") as server, NameServer(ZONE) as names:
            options = replace(QUICK, resolver=names.address)
            reports = await deliver(Mx("two.example", server.port), [envelope(1)], options)
            assert letter(reports["r1@kunde.example"]) == "A"
            assert reports["r1@kunde.example"].remote_mta == "second.two.example[127.0.0.2]"
            port = server.port
        async with NameServer(ZONE) as names:
            reports = await deliver(Mx("two.example", port), [envelope(1)], replace(QUICK, resolver=names.address))
        report = reports["r1@kunde.example"]
        assert (letter(report), report.ours, str(report.status)) == ("D", False, "4.4.1")
        assert report.remote_mta == "first.two.example[127.0.0.1]"

    asyncio.run(story())
