"""What an admin gets wrong, and what servers do that they must not: each has a name, and none stops the queue."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from email import message_from_bytes, policy
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import quote

import pytest
from asgiref.sync import sync_to_async
from cryptography import x509
from tests.mailroom.smtp.certificates import make_certificate
from tests.mailroom.smtp.policy_host import RECORD, PolicyHost
from tests.mailroom.smtp.scripted_server import NameServer, Script, Server
from tests.mailroom.token_server import TokenServer, token_server
from tests.outbound.conftest import make_ticket, make_world, notification

from answerback.checks import check_relay
from answerback.env import BadSettingError
from answerback.outbound import lanes
from answerback.outbound.engine import Engine, client_options
from answerback.outbound.models import Delivery, Lane
from answerback.people import identities
from mailroom.causes.catalogue import load

pytestmark = pytest.mark.django_db(transaction=True)
MANY = 10_000


@pytest.fixture(autouse=True)
def quick(settings: object) -> None:
    settings.SMTP_TIMEOUTS = dict.fromkeys(settings.SMTP_TIMEOUTS, 5)  # type: ignore[attr-defined]


@sync_to_async
def answer_to(*addresses: str, text: str = "Use the blue bucket.") -> None:
    """One answer to each of them."""
    world = make_world()
    ticket = make_ticket(world)
    for address in addresses:
        notification(world, ticket, [identities.find_or_create(address, address, "en").person], text=text)


@sync_to_async
def row(recipient: str) -> Delivery:
    return Delivery.objects.get(recipient=recipient)


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while not await condition():
            await asyncio.sleep(0.02)


async def is_accepted(recipient: str) -> bool:
    return (await row(recipient)).state == "accepted"


async def sending_is_down() -> bool:
    return await sync_to_async(lanes.sending_is_down)() is not None


async def send_all() -> None:
    await asyncio.wait_for(Engine().run(asyncio.Event(), once=True), 30)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("smtp://h?tls=ssl", "tls=ssl is not one of none, may, must, verify"),
        ("mx?tls=always", "tls=always is not one of none, may, must, verify"),
        ("smtps://u:secret@h?auth=cram-md5", "auth=cram-md5 is not one of plain, login, xoauth2, microsoft, google"),
    ],
)
def test_an_unknown_mode_stops_the_start_with_one_line(url: str, problem: str) -> None:
    with pytest.raises(BadSettingError) as refused:
        check_relay(url)
    assert problem in str(refused.value)
    assert "Example: smtp://user:password@" in str(refused.value)
    assert "secret" not in str(refused.value)


def test_a_mail_domain_beyond_ascii_is_said_in_ascii(settings: object) -> None:
    settings.MAIL_DOMAIN = "Müller.example"  # type: ignore[attr-defined]
    assert client_options().helo_name == "xn--mller-kva.example"


@dataclass(frozen=True)
class Fault:
    """A relay that cannot be used: `wrong` until it is mended, None where nothing listens."""

    wrong: Script | None
    right: Script
    cause: str
    words: str  # among those on the page
    query: str = "tls=verify"


NO_TOKEN = 400, b'{"error_description": "AADSTS700082: The refresh token has expired"}'
TOKEN = 200, b'{"access_token": "typed", "expires_in": 3600}'


@pytest.fixture
def provider() -> Iterator[TokenServer]:
    """Gives no access token, because the consent has ended."""
    with token_server(NO_TOKEN) as server:
        yield server


FAULTS = ["unreachable", "wrong password", "no access token", "expired certificate", "certificate of another host"]


@pytest.fixture(params=FAULTS)
def fault(request: pytest.FixtureRequest, settings: object, tmp_path: Path, provider: TokenServer) -> Fault:
    here = x509.IPAddress(ip_address("127.0.0.1"))
    folders = [tmp_path / name for name in ("good", "expired", "other")]
    for folder in folders:
        folder.mkdir()
    good = make_certificate(folders[0], here)
    expired = make_certificate(folders[1], x509.DNSName("expired.test"), here, until=timedelta(days=-1))
    other = make_certificate(folders[2], x509.DNSName("elsewhere.test"))
    trusted = tmp_path / "trusted.pem"
    trusted.write_text("".join(Path(one.ca_file).read_text() for one in (good, expired, other)))
    settings.TLS_CA_FILE = str(trusted)  # type: ignore[attr-defined]
    right = Script(tls=good.context, users={"desk": "typed"})
    return {
        "unreachable": Fault(None, right, "connection_failed", "no connection to 127.0.0.1"),
        "wrong password": Fault(
            replace(right, users={"desk": "another"}), right, "login_refused", "535 5.7.8 who are you?"
        ),
        "no access token": Fault(
            right,
            right,
            "login_refused",
            "no access token (OAuth2) for 127.0.0.1 could be had: AADSTS700082: The refresh token has expired",
            f"tls=verify&auth=oauth2&client_id=C&token_url={quote(provider.url, safe='')}",
        ),
        "expired certificate": Fault(
            replace(right, tls=expired.context), right, "tls_required", "certificate has expired"
        ),
        "certificate of another host": Fault(
            replace(right, tls=other.context), right, "tls_required", "certificate is not valid for '127.0.0.1'"
        ),
    }[str(request.param)]


async def test_a_relay_that_cannot_be_used_is_named_and_all_goes_once_it_is_mended(
    fault: Fault, provider: TokenServer, settings: object
) -> None:
    server = Server(fault.wrong or fault.right)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(server)
        if fault.wrong is None:
            await stack.pop_all().aclose()
        settings.RELAY_URL = f"smtp://desk:typed@127.0.0.1:{server.port}?{fault.query}"  # type: ignore[attr-defined]
        await answer_to("clara@c.test", "deniz@c.test")
        stop = asyncio.Event()
        engine = asyncio.create_task(Engine().run(stop))
        await until(sending_is_down)
        lane = await Lane.objects.aget()
        assert (lane.destination, lane.last_cause) == (f"127.0.0.1:{server.port}", fault.cause)
        assert fault.words in lane.last_error
        assert "typed" not in lane.last_error
        assert {row.state async for row in Delivery.objects.all()} <= {"queued", "sending", "deferred"}
        sentence = load().causes[fault.cause].sentence
        assert sentence["en"] != sentence["de"]
        if fault.wrong is None:
            await stack.enter_async_context(server)
        server.script, provider.answers = fault.right, [TOKEN]
        await until(lambda: is_accepted("clara@c.test"))
        await until(lambda: is_accepted("deniz@c.test"))
        stop.set()
        await engine
    assert not await sending_is_down()
    assert server.violations == []


async def test_a_domain_whose_servers_are_not_what_it_demands(settings: object, tmp_path: Path) -> None:
    """MTA-STS: a server that cannot prove its name gets nothing; that is its domain's fault and stops nobody else."""
    names = [x509.DNSName(name) for name in ("mta-sts.kunde.example", "elsewhere.example")]
    certificate = make_certificate(tmp_path, *names)
    zone: dict[str, dict[str, list[str]] | str] = {
        "_mta-sts.kunde.example": {"TXT": [RECORD]},
        "mta-sts.kunde.example": {"A": ["127.0.0.1"]},
        "kunde.example": {"MX": ["10 mx1.kunde.example."]},
        "mx1.kunde.example": {"A": ["127.0.0.1"]},
        "other.example": {"MX": ["10 mx1.kunde.example."]},
    }
    async with (
        PolicyHost().serving(certificate.context) as port,
        NameServer(zone) as name_server,
        Server(Script(tls=certificate.context)) as server,
    ):
        settings.RESOLVER, settings.MTA_STS_PORT = name_server.address, port  # type: ignore[attr-defined]
        settings.RELAY_URL, settings.TLS_CA_FILE = f"mx:{server.port}", certificate.ca_file  # type: ignore[attr-defined]
        await answer_to("clara@kunde.example", "deniz@other.example")
        await send_all()
    clara, deniz = await row("clara@kunde.example"), await row("deniz@other.example")
    assert (clara.state, clara.enhanced_code, clara.cause, clara.ours) == ("deferred", "4.7.5", "tls_required", False)
    assert "policy of its domain (MTA-STS) demands: Hostname mismatch" in clara.diagnostic
    assert deniz.state == "accepted"


async def test_what_stands_in_brackets_is_an_ip_address_or_fails_at_once(settings: object) -> None:
    """Rows of before the check: they waited for ever as if for a mistake of ours, or went to a name of this machine."""
    names = ["[a..b]", "[...]", "[" + "x" * 70 + "]", "[localhost]"]
    async with Server(Script()) as server:
        settings.RELAY_URL = f"mx:{server.port}?tls=none"  # type: ignore[attr-defined]
        await answer_to("clara@[127.0.0.1]", "deniz@[IPv6:::1]", *(f"eve@d{n}.test" for n in range(len(names))))
        for number, name in enumerate(names):
            rows = Delivery.objects.filter(recipient=f"eve@d{number}.test")
            assert await rows.aupdate(recipient=f"eve@{name}", destination=name) == 1
        await send_all()
    for name in names:
        eve = await row(f"eve@{name}")
        assert (eve.state, eve.enhanced_code, eve.cause, eve.ours) == ("failed", "5.1.3", "address_syntax", False)
        assert f"this cannot be an address: {name} is no IP address" in eve.diagnostic
    clara, deniz = await row("clara@[127.0.0.1]"), await row("deniz@[IPv6:::1]")
    assert (clara.state, clara.remote_mta) == ("accepted", "127.0.0.1")
    assert (deniz.state, deniz.diagnostic[:20]) == ("deferred", "no connection to ::1"), "tried, and nobody was there"
    assert not await sending_is_down()


async def test_odd_replies_are_each_ones_own(settings: object) -> None:
    replies = {
        "nonsense": "HTTP/1.1 400 Bad Request",
        "nul": "550 5.1.1 no\0such\x1b[31muser",
        "long": "550 5.1.1 no such user " + "x" * 100_000,
        "endless": "\r\n".join(["550-5.1.1 no such user"] * 50_000),
        "halves": "550-5.1.1 no such user\r\n250 2.1.5 or is there?",
    }
    async with Server(Script(replies=replies)) as server:
        settings.RELAY_URL = f"smtp://127.0.0.1:{server.port}?tls=none"  # type: ignore[attr-defined]
        await answer_to(*(f"{name}@c.test" for name in replies), "fine@c.test")
        await send_all()
    told = {name: await row(f"{name}@c.test") for name in [*replies, "fine"]}
    outcomes = {name: (one.state, one.smtp_code, one.cause) for name, one in told.items()}
    assert outcomes == {
        "nonsense": ("deferred", None, "connection_failed"),
        "nul": ("failed", 550, "address_unknown"),
        "long": ("failed", 550, "address_unknown"),
        "endless": ("deferred", None, "connection_failed"),
        "halves": ("deferred", None, "connection_failed"),
        "fine": ("accepted", 250, ""),
    }
    assert told["nul"].diagnostic == "550 5.1.1 no\ufffdsuch\ufffd[31muser"
    assert "did not speak SMTP: not a reply: HTTP/1.1 400 Bad Request" in told["nonsense"].diagnostic
    assert "a reply with two codes: 550 and 250 2.1.5 or is there?" in told["halves"].diagnostic
    assert "a reply without end" in told["endless"].diagnostic
    assert max(len(one.diagnostic) for one in told.values()) <= 8192
    assert not await sending_is_down()


async def test_no_line_end_of_a_text_ends_the_mail_early(settings: object) -> None:
    """Smuggling outward: what stands between bare line ends must not become commands or another mail."""
    text = "one\n.\ntwo\r.\rthree\r\n.\r\nMAIL FROM:<evil@c.test>\r\nRCPT TO:<victim@c.test>\n\n.\n."
    async with Server(Script()) as server:
        settings.RELAY_URL = f"smtp://127.0.0.1:{server.port}?tls=none"  # type: ignore[attr-defined]
        await answer_to("clara@c.test", text=text)
        await send_all()
    [taken] = server.taken
    assert (taken.recipient, server.violations) == ("clara@c.test", [])
    body = message_from_bytes(taken.content, policy=policy.default).get_body(("plain",))
    assert body is not None
    lines = body.get_content().splitlines()
    assert [line for line in lines if line] == [line for line in text.splitlines() if line]
    assert sum(command.startswith("RCPT") for command in server.commands) == 1


async def test_ten_thousand_for_one_domain_and_one_for_another(settings: object) -> None:
    zone = {name: {"A": ["127.0.0.1"]} for name in ("many.test", "other.test")}
    async with Server(Script()) as server, NameServer(zone) as names:
        settings.RESOLVER = names.address  # type: ignore[attr-defined]
        settings.RELAY_URL = f"mx:{server.port}?tls=none"  # type: ignore[attr-defined]
        await answer_to("first@many.test", "clara@other.test")
        await multiply(await row("first@many.test"))
        stop = asyncio.Event()
        engine = asyncio.create_task(Engine().run(stop))
        await until(lambda: is_accepted("clara@other.test"))
        stop.set()
        await engine
    states = [state async for state in Delivery.objects.filter(destination="many.test").values_list("state", flat=True)]
    assert len(states) == MANY
    assert set(states) <= {"accepted", "queued"}
    assert "queued" in states, "it did not wait until all of them were gone"
    assert server.violations == []


@sync_to_async
def multiply(sample: Delivery) -> None:
    """MANY of them in all, due before everybody else."""
    fields = {field.attname: getattr(sample, field.attname) for field in Delivery._meta.concrete_fields}
    del fields["id"]
    fields["next_attempt_at"] -= timedelta(minutes=1)
    copies = (Delivery(**fields | {"recipient": f"r{number}@many.test"}) for number in range(MANY - 1))
    Delivery.objects.bulk_create(copies, batch_size=1000)
