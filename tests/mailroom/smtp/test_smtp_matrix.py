"""The chaos matrix: every stage × every fault × where in the session × pipelined or not × one host or two.

One recipient is hit, another goes before (on a reused connection) and one after. D deferred · F failed with that code ·
A accepted · D! deferred and perhaps arrived already · C our own fault, deferred. The neighbours are always accepted,
no message is taken twice, and the server saw nothing that a client must not do.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping
from dataclasses import replace

import pytest
from delivering import MESSAGE, QUICK, deliver, letter, relay_of
from scripted_server import CLOSE, EXTENSIONS, HANG, RESET, SLOW, NameServer, Script, Server

from mailroom.report import DeliveryReport, Source, Stage
from mailroom.smtp.route import Mx, Route, Tls
from mailroom.smtp.session import Envelope

PATIENT = replace(QUICK, timeouts=replace(QUICK.timeouts, block=5, dot=10))  # for a message that takes its time
LONG = MESSAGE + (b"0123456789" * 90 + b"\r\n") * 7_000

FAULTS: Mapping[str, str] = {
    "4xx": "451 4.3.0 later",
    "5xx": "554 5.7.1 never",
    "421": "421 4.3.2 going down",
    "close": CLOSE,
    "reset": RESET,
    "hang": HANG,
    "slow": SLOW,
    "garbage": "HTTP/1.1 400 Bad Request",
    "999": "999 9.9.9 no such class",
    "blank": "",
    "mixed": "550-5.1.1 one\r\n250 2.0.0 other",
}
# What the hit recipient gets where there is one host, and (second letter group) where another one is behind it.
PER_MESSAGE: Mapping[str, Mapping[str, str]] = {
    "mail": {"4xx": "D D", "5xx": "F F", "421": "D A"},
    "rcpt": {"4xx": "D D", "5xx": "F F", "421": "D D"},
    "data": {"4xx": "D D", "5xx": "F F", "421": "D D"},
    "body": {"4xx": "D D", "5xx": "F F", "421": "D D"},
    "dot": {"4xx": "D D", "5xx": "F F", "421": "D D"},
}
BROKEN = {"before": "D A", "dot": "D! D!"}
CASES = [
    (stage, fault, reused, pipelining, hosts)
    for stage, fault, reused, pipelining, hosts in itertools.product(
        PER_MESSAGE, FAULTS, (False, True), (True, False), (1, 2)
    )
    if not (stage == "body" and fault in ("slow", "hang", "blank"))
]


def expected(stage: str, fault: str, hosts: int) -> str:
    if fault == "slow":
        return "A"
    broken = BROKEN["dot" if stage == "dot" else "before"]
    return PER_MESSAGE[stage].get(fault, broken).split()[hosts - 1]


def act_of(fault: str) -> str:
    return FAULTS[fault] or "\r\n "


@pytest.mark.parametrize(("stage", "fault", "reused", "pipelining", "hosts"), CASES)
def test_one_hit_recipient(stage: str, fault: str, reused: bool, pipelining: bool, hosts: int) -> None:
    hit = Envelope(2, "fault@acme.example", "hit@kunde.example", LONG if stage == "body" else MESSAGE)
    options = PATIENT if stage == "body" else QUICK
    envelopes = [hit, Envelope(3, "fine@acme.example", "after@kunde.example", MESSAGE)]
    if reused:
        envelopes.insert(0, Envelope(1, "fine@acme.example", "before@kunde.example", MESSAGE))
    extensions = EXTENSIONS if pipelining else EXTENSIONS[1:]

    async def story() -> None:
        bad = Server(Script({stage: act_of(fault)}, extensions))
        good = Server(Script(extensions=extensions))
        async with bad, good:
            reports = await deliver(relay_of(*[bad, good][:hosts]), envelopes, options)
        taken = [transaction.recipient for server in (bad, good) for transaction in server.taken]
        assert sorted(taken) == sorted(name for name, report in reports.items() if letter(report) == "A")
        report = reports.pop("hit@kunde.example")
        assert letter(report) == expected(stage, fault, hosts)
        assert {letter(other) for other in reports.values()} == {"A"}
        assert bad.violations == good.violations == []
        assert_tells(report, stage, fault)

    asyncio.run(story())


def assert_tells(report: DeliveryReport, stage: str, fault: str) -> None:
    """Code, status, text, host and stage are kept, and nothing is made up."""
    assert report.remote_mta == "127.0.0.1"
    if letter(report) == "A":
        assert (report.reply_code, str(report.status), report.diagnostic) == (250, "2.0.0", "250 2.0.0 taken")
    elif fault in ("4xx", "5xx", "421"):
        assert report.source is Source.SESSION
        assert report.stage is Stage(stage)
        assert report.diagnostic == FAULTS[fault]
        assert f"{report.reply_code} {report.status}" == FAULTS[fault][:9]
    else:
        assert report.source is Source.CLIENT
        assert report.stage is Stage(stage)
        assert report.reply_code is None
        assert report.diagnostic


SESSION_WIDE: Mapping[str, Mapping[str, str]] = {
    # MX routes: one host; two hosts that both do it; the second one is fine
    "banner": {"4xx": "D D A", "5xx": "F F A"},
    "ehlo": {"4xx": "D D A", "5xx": "D D A"},
    "starttls": {"4xx": "A A A", "5xx": "A A A"},
}
SESSION_CASES = [
    (stage, fault, by_relay, hosts)
    for stage, fault, by_relay, hosts in itertools.product(
        SESSION_WIDE, FAULTS, (False, True), ("one", "both", "second fine")
    )
]


@pytest.mark.parametrize(("stage", "fault", "by_relay", "hosts"), SESSION_CASES)
def test_a_session_that_does_not_begin(stage: str, fault: str, by_relay: bool, hosts: str, server_tls: Script) -> None:
    envelopes = [Envelope(1, "fine@acme.example", f"{name}@kunde.example", MESSAGE) for name in ("a", "b")]
    word = SESSION_WIDE[stage].get(fault, "D D A").split()[("one", "both", "second fine").index(hosts)]
    word = "A" if fault == "slow" else word
    script = replace(server_tls, acts={stage: act_of(fault)})

    async def story() -> None:
        first = Server(script)
        async with first:
            second = Server(script if hosts == "both" else server_tls, "127.0.0.2", first.port)
            zone = {
                "kunde.example": {"MX": ["10 mx1.kunde.example."] + ["20 mx2.kunde.example."] * (hosts != "one")},
                "mx1.kunde.example": {"A": ["127.0.0.1"]},
                "mx2.kunde.example": {"A": ["127.0.0.2"]},
            }
            async with second, NameServer(zone) as names:
                route: Route = Mx("kunde.example", first.port)
                if by_relay:
                    route = relay_of(*[first, second][: 1 + (hosts != "one")], tls=Tls.MAY)
                reports = await deliver(route, envelopes, replace(QUICK, resolver=names.address))
        letters = {letter(report) for report in reports.values()}
        assert letters == {"C" if by_relay and word != "A" else word}
        assert len(first.taken) + len(second.taken) == (2 if word == "A" else 0)
        assert first.violations == second.violations == []
        if word != "A":
            report = reports["a@kunde.example"]
            assert report.stage is Stage(stage)
            assert report.diagnostic
            assert "127.0.0." in report.remote_mta

    asyncio.run(story())
