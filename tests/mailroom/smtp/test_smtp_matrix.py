"""The chaos matrix: what may go wrong × where × hosts, reuse, company and extensions.

A cell of the tables says what becomes of the recipient that is hit: A accepted · D deferred · D! deferred and perhaps
arrived already · F failed with that code · C our own fault, so deferred. Whoever travels with it gets what is theirs,
no message is taken twice, nothing is taken that is not told, and no server sees what a client must not do. The cases of
a cell share an event loop, so that waiting costs little. What follows for a delivery at its first and at its last
attempt is told in tests/outbound/test_last_attempt.py.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
import uvloop
from certificates import Certificate
from delivering import MESSAGE, QUICK, deliver, letter, relay_of
from scripted_server import (
    BREAK_TLS,
    CLOSE,
    DEFERRED,
    EXTENSIONS,
    HANG,
    REFUSED,
    RESET,
    SLOW,
    NameServer,
    Script,
    Server,
)

from mailroom.report import DeliveryReport, Source, Stage
from mailroom.smtp.options import Options, Timeouts
from mailroom.smtp.route import Endpoint, Mx, Relay, Route, Tls
from mailroom.smtp.session import Envelope

AT_ONCE = 24  # cases; of those with a long message fewer
PATIENT = replace(QUICK, timeouts=Timeouts(*[30.0] * 9))
WAITS = {Stage.STARTTLS: "ehlo", Stage.AUTH: "ehlo", Stage.BODY: "block"}  # where the name is not the stage's own
LONG = MESSAGE + (b"0123456789" * 90 + b"\r\n") * 7_000  # too long for the buffers on its way
TRIO = ("refused", "deferred", "fine")

FAULTS: Mapping[str, Sequence[str]] = {
    "4xx": ["451 4.3.0 later"],
    "5xx": ["554 5.7.1 never"],
    "421": ["421 4.3.2 going down"],
    "gone": [CLOSE, RESET],
    "hang": [HANG],
    "slow": [SLOW],
    "nonsense": [
        "HTTP/1.1 400 Bad Request",
        "999 9.9.9 no such class",
        "\r\n ",
        "550-5.1.1 one\r\n250 2.0.0 other",
    ],
    "tls": [BREAK_TLS],
}
IN_CLEAR = [fault for fault in FAULTS if fault != "tls"]  # before STARTTLS; TLS from the first octet on: CONNECTING
# In three words: of one host · of two that both do it · of two whose second one is fine.
HOSTS = ("one", "both", "second fine")
DELIVERING: Mapping[str, Mapping[str, str]] = {
    # what breaks off before the final dot is healed by another host; what is said is the answer, but for a 421 to MAIL
    "mail": dict.fromkeys(FAULTS, "D D A") | {"4xx": "D D D", "5xx": "F F F", "slow": "A A A"},
    "rcpt": dict.fromkeys(FAULTS, "D D A") | {"4xx": "D D D", "5xx": "F F F", "421": "D D D", "slow": "A A A"},
    "data": dict.fromkeys(FAULTS, "D D A") | {"4xx": "D D D", "5xx": "F F F", "421": "D D D", "slow": "A A A"},
    "body": dict.fromkeys(FAULTS, "D D A") | {"4xx": "D D D", "5xx": "F F F", "421": "D D D", "slow": "A A A"},
    "dot": dict.fromkeys(FAULTS, "D! D! D!") | {"4xx": "D D D", "5xx": "F F F", "421": "D D D", "slow": "A A A"},
    "quit": dict.fromkeys(FAULTS, "A A A"),
}
GREETING: Mapping[str, Mapping[str, str]] = {
    # of strangers' servers; from a relay of ours D and F are C
    "banner": dict.fromkeys(IN_CLEAR, "D D A") | {"5xx": "F F A", "slow": "A A A"},
    "ehlo": dict.fromkeys(IN_CLEAR, "D D A") | {"slow": "A A A"},
    "starttls may": dict.fromkeys(FAULTS, "D D A") | dict.fromkeys(("4xx", "5xx", "slow", "tls"), "A A A"),
    "starttls must": dict.fromkeys(FAULTS, "D D A") | {"slow": "A A A"},
    "starttls verify": dict.fromkeys(FAULTS, "D D A") | {"slow": "A A A"},
    "auth must": dict.fromkeys(FAULTS, "D D A") | {"slow": "A A A"},
}
CONNECTING: Mapping[str, str] = {"gone": "D D A", "hang": "D D A", "tls": "D D A"}
ASKING: Mapping[str, tuple[Any, str, str]] = {
    "4xx": ("SERVFAIL", "D", "4.4.3"),
    "5xx": ("NXDOMAIN", "F", "5.1.2"),
    "null MX": ({"MX": ["0 ."]}, "F", "5.1.10"),
    "hang": ("DROP", "D", "4.4.3"),
    "slow": ({"A": ["127.0.0.1"]}, "A", "2.0.0"),
    "nonsense": ("NONSENSE", "D", "4.4.3"),
}
WAYS = (("one", True), ("second fine", True), ("both", False), ("second fine", False))  # hosts, by relay
MANNERS = (  # reused connection, company, extensions: every pair of these meets; a long message goes by two of them
    (False, False, True),
    (True, False, False),
    (False, True, False),
    (True, True, True),
)


@dataclass(frozen=True)
class Case:
    """One delivery to be hit. `company`: three more go with it, one refused, one deferred, one fine.

    `rich`: the servers have PIPELINING and all other extensions, else none.
    """

    stage: Stage
    act: str
    word: str
    hosts: str
    by_relay: bool
    reused: bool = False
    company: bool = False
    rich: bool = True

    @property
    def envelopes(self) -> list[Envelope]:
        hit = Envelope(2, "fault@acme.example", "hit@kunde.example", LONG if self.stage is Stage.BODY else MESSAGE)
        before = [Envelope(1, "fine@acme.example", "before@kunde.example", MESSAGE)] * self.reused
        trio = TRIO if self.company else ()
        after = [Envelope(n, "fine@acme.example", f"{name}@kunde.example", MESSAGE) for n, name in enumerate(trio, 3)]
        return [*before, hit, *after]

    @property
    def options(self) -> Options:
        """Little patience only where it is in vain."""
        if self.act != HANG:
            return PATIENT
        wait = {WAITS.get(self.stage, self.stage.value): 2.0 if self.stage is Stage.BODY else 1.0}
        return replace(PATIENT, timeouts=replace(PATIENT.timeouts, **wait))

    @property
    def expected(self) -> str:
        """The letter of the one that is hit."""
        letters = dict(zip(HOSTS, self.word.split(), strict=True))
        ours = self.by_relay and self.stage in (Stage.CONNECT, Stage.BANNER, Stage.EHLO, Stage.STARTTLS, Stage.AUTH)
        return "C" if ours and letters[self.hosts] != "A" else letters[self.hosts]


def play(cases: Sequence[Case], one: Callable[[Case], Coroutine[Any, Any, None]]) -> None:
    """Every case, some at once. The failure of one names it and hides no other's."""
    wrong: list[str] = []

    async def guarded(case: Case, gate: asyncio.Semaphore) -> None:
        async with gate:
            try:
                await one(case)
            except AssertionError as error:
                wrong.append(f"{case}: {error}")

    async def story() -> None:
        gate = asyncio.Semaphore(AT_ONCE // 4 if cases[0].stage is Stage.BODY else AT_ONCE)
        await asyncio.gather(*(guarded(case, gate) for case in cases))

    uvloop.run(story())
    assert not wrong, "\n".join(wrong)


@asynccontextmanager
async def opened(
    case: Case, bad: Script, good: Script, tls: Tls, **more: str
) -> AsyncIterator[tuple[Route, Options, list[Server]]]:
    """The servers of a case, and the way to them: relays of ours, or the MX of the recipients' domain."""
    scripts = {"one": [bad], "both": [bad, bad], "second fine": [bad, good]}[case.hosts]
    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(Server(scripts[0]))]
        for script in scripts[1:]:
            servers.append(await stack.enter_async_context(Server(script, "127.0.0.2", servers[0].port)))
        if case.by_relay:
            yield relay_of(*servers, tls=tls, **more), case.options, servers
            return
        names = await stack.enter_async_context(NameServer(zone(len(servers))))
        yield Mx("kunde.example", servers[0].port, tls, **more), replace(case.options, resolver=names.address), servers


def zone(hosts: int) -> dict[str, dict[str, list[str]] | str]:
    return {
        "kunde.example": {"MX": [f"{n}0 mx{n}.kunde.example." for n in range(1, hosts + 1)]},
        "mx1.kunde.example": {"A": ["127.0.0.1"]},
        "mx2.kunde.example": {"A": ["127.0.0.2"]},
    }


async def carry(case: Case, route: Route, options: Options, servers: Sequence[Server]) -> dict[str, DeliveryReport]:
    """The reports of a case, once it is sure that they and the servers' books agree."""
    reports = await deliver(route, case.envelopes, options)
    taken = [transaction.recipient for server in servers for transaction in server.taken]
    assert sorted(taken) == sorted(name for name, report in reports.items() if letter(report) == "A")
    assert [server.violations for server in servers] == [[] for _ in servers]
    hit = reports["hit@kunde.example"]
    assert letter(hit) == case.expected, hit
    assert_tells(hit, case.stage, case.act)
    return reports


def assert_tells(report: DeliveryReport, stage: Stage, act: str) -> None:
    """Code, status, text, host and stage are kept, and nothing is made up."""
    assert "127.0.0." in report.remote_mta
    if letter(report) == "A":
        assert (report.reply_code, str(report.status), report.diagnostic) == (250, "2.0.0", "250 2.0.0 taken")
        return
    assert report.stage is stage
    if act in (text for fault in ("4xx", "5xx", "421") for text in FAULTS[fault]):
        assert report.source is Source.SESSION
        assert (f"{report.reply_code} {report.status}", report.diagnostic) == (act[:9], act)
    else:
        assert report.source is Source.CLIENT
        assert report.reply_code is None
        assert report.diagnostic


def assert_company(reports: Mapping[str, DeliveryReport]) -> None:
    """Each of the three got its own answer."""
    told = [reports[f"{name}@kunde.example"] for name in TRIO]
    assert [(letter(report), report.diagnostic) for report in told] == [
        ("F", REFUSED),
        ("D", DEFERRED),
        ("A", "250 2.0.0 taken"),
    ]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("stage", DELIVERING)
def test_from_mail_on(stage: str, fault: str, certificate: Certificate) -> None:
    under_tls = fault == "tls"

    async def one(case: Case) -> None:
        good = Script(extensions=EXTENSIONS if case.rich else (), tls=certificate.context if under_tls else None)
        bad = replace(good, acts={stage: case.act})
        async with opened(case, bad, good, Tls.MUST if under_tls else Tls.NONE) as (route, options, servers):
            reports = await carry(case, route, options, servers)
        if case.reused:
            assert letter(reports["before@kunde.example"]) == "A"
        if case.company:
            assert_company(reports)

    play(
        [
            Case(Stage(stage), act, DELIVERING[stage][fault], *way, *manner)
            for act, way, manner in itertools.product(
                FAULTS[fault], WAYS, MANNERS[1::2] if stage == "body" else MANNERS
            )
        ],
        one,
    )


@pytest.mark.parametrize(("where", "fault"), [(where, fault) for where, row in GREETING.items() for fault in row])
def test_before_mail(where: str, fault: str, certificate: Certificate) -> None:
    stage, _, mode = where.partition(" ")
    tls = Tls(mode or "may")
    login = {"user": "desk", "password": "right"} if stage == "auth" else {}
    good = Script(tls=certificate.context, users={"desk": "right"} if login else {})

    async def one(case: Case) -> None:
        at = "handshake" if (stage, fault) == ("starttls", "tls") else stage
        bad = replace(good, acts={at: case.act})
        more = {"ca_file": certificate.ca_file, **login}
        async with opened(case, bad, good, tls, **more) as (route, options, servers):
            reports = await carry(case, route, options, servers)
        if case.expected == "A":
            assert_company(reports)
        else:
            assert {letter(report) for report in reports.values()} == {case.expected}

    play(
        [
            Case(Stage(stage), act, GREETING[where][fault], hosts, by_relay, company=True)
            for act, hosts, by_relay in itertools.product(FAULTS[fault], HOSTS, (True, False))
            if by_relay or not login
        ],
        one,
    )


@contextmanager
def deaf(fault: str) -> Iterator[int]:
    """A port of 127.0.0.1 that nothing listens on, or where connecting is never answered."""
    with socket.socket() as listening, socket.socket() as first, socket.socket() as second:
        listening.bind(("127.0.0.1", 0))
        if fault == "hang":
            listening.listen(0)
            for filling in (first, second):
                filling.setblocking(False)
                filling.connect_ex(listening.getsockname())
        yield listening.getsockname()[1]


@pytest.mark.parametrize("fault", CONNECTING)
def test_connecting(fault: str, certificate: Certificate) -> None:
    async def one(case: Case) -> None:
        implicit = fault == "tls"  # a relay's: no MX speaks TLS from the first octet on
        good = Script(tls=certificate.context, implicit=implicit)
        async with AsyncExitStack() as stack:
            bad = await stack.enter_async_context(Server(Script())) if implicit else None
            port = bad.port if bad else stack.enter_context(deaf(fault))
            second = await stack.enter_async_context(Server(good, "127.0.0.2", port))
            hosts = {"one": ["127.0.0.1"], "both": ["127.0.0.1"] * 2, "second fine": ["127.0.0.1", "127.0.0.2"]}
            names = await stack.enter_async_context(NameServer(zone(1 + (case.hosts == "second fine"))))
            options = replace(case.options, resolver=names.address)
            route: Route = Mx("kunde.example", port)
            if case.by_relay:
                mode = Tls.IMPLICIT if implicit else Tls.MAY
                endpoints = [Endpoint(host, port, mode, ca_file=certificate.ca_file) for host in hosts[case.hosts]]
                route = Relay(tuple(endpoints))
            await carry(case, route, options, [second])
            assert bad is None or bad.commands == [], "nothing is said in plain"

    play(
        [
            Case(Stage.CONNECT, HANG, CONNECTING[fault], hosts, by_relay)
            for hosts, by_relay in itertools.product(HOSTS, (True, False))
            if by_relay or fault != "tls"
        ],
        one,
    )


@pytest.mark.parametrize("fault", ASKING)
def test_asking_for_names(fault: str) -> None:
    known, expected, status = ASKING[fault]

    async def story() -> None:
        delay = 0.05 if fault == "slow" else 0
        async with Server(Script()) as server, NameServer({"kunde.example": known}, delay) as names:
            route = Mx("kunde.example", server.port, Tls.NONE)
            case = Case(Stage.DNS, HANG, "", "one", by_relay=False, company=True)
            reports = await deliver(route, case.envelopes, replace(case.options, resolver=names.address))
        if expected == "A":
            assert_company(reports)
            return
        for report in reports.values():
            assert (letter(report), str(report.status), report.stage) == (expected, status, Stage.DNS)
            assert report.diagnostic

    uvloop.run(story())
