"""Destinations beside each other: dead ones, hanging ones, and relays that take only so many sessions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from asgiref.sync import sync_to_async
from tests.mailroom.smtp.scripted_server import NameServer
from tests.outbound.hop import Hop
from tests.outbound.test_engine import answer_to, running, send_all, states, until

from answerback.outbound import lanes
from answerback.outbound.models import Attempt, Delivery

pytestmark = pytest.mark.django_db(transaction=True)

HOSTS = {f"d{number}.test": f"127.0.0.{number + 2}" for number in range(10)}
HANGING = ("d0.test", "d1.test", "d2.test")  # the first that are looked at: nobody is saved by the order


@pytest.fixture(autouse=True)
def patient(settings: object) -> None:
    settings.SMTP_TIMEOUTS = dict.fromkeys(settings.SMTP_TIMEOUTS, 60)  # type: ignore[attr-defined]
    settings.RETRY_SCHEDULE = (60,)  # type: ignore[attr-defined]


@asynccontextmanager
async def names() -> AsyncIterator[str]:
    hosts = {f"mx.{domain}": {"A": [address]} for domain, address in HOSTS.items()}
    async with NameServer({domain: {"MX": [f"10 mx.{domain}."]} for domain in HOSTS} | hosts) as server:
        yield server.address


async def states_at(domain: str) -> set[str]:
    return {state for recipient, state in (await states()).items() if recipient.endswith(f"@{domain}")}


async def test_healthy_destinations_are_done_while_hanging_ones_still_hang(settings: object) -> None:
    settings.SESSIONS_MAX = 4  # type: ignore[attr-defined]  # fewer than the hanging ones would take for themselves
    silent = [HOSTS[domain] for domain in HANGING]
    async with Hop(addresses=list(HOSTS.values()), silent=silent) as hop, names() as resolver:
        settings.RELAY_URL, settings.RESOLVER = f"mx:{hop.port}?tls=none", resolver  # type: ignore[attr-defined]
        await answer_to(*(f"ok+{number}@{domain}" for domain in HOSTS for number in range(2)))
        async with running():
            await until(healthy_accepted)
            for domain in HANGING:
                assert await states_at(domain) <= {"sending", "queued"}
    for domain in HANGING:
        assert await states_at(domain) == {"queued"}, "stopped before anybody had greeted us: as if never tried"
    assert not await Delivery.objects.filter(ambiguous=True).aexists()


async def healthy_accepted() -> bool:
    return all([await states_at(domain) == {"accepted"} for domain in HOSTS if domain not in HANGING])


async def test_a_dead_destination_costs_few_connections_and_everything_waits(settings: object) -> None:
    async with Hop(addresses=[HOSTS["d0.test"]], refuses="421 4.3.2 closing") as hop, names() as resolver:
        settings.RELAY_URL, settings.RESOLVER = f"mx:{hop.port}?tls=none", resolver  # type: ignore[attr-defined]
        await answer_to(*(f"ok+{number}@d0.test" for number in range(30)))
        await send_all()
        assert hop.turned_away < 10
    assert await states_at("d0.test") == {"deferred"}
    assert await Attempt.objects.filter(smtp_code=421).acount() == 30, "each tells why it waits"


async def test_a_relay_that_serves_few_sessions_is_no_trouble(settings: object) -> None:
    async with Hop(serves=3) as hop:
        settings.RELAY_URL = hop.url  # type: ignore[attr-defined]
        await answer_to(*(f"ok+{number}@c.test" for number in range(60)))
        await send_all()
        assert hop.turned_away, "more than three were tried"
        assert hop.turned_away < 20, "and soon not any more"
    assert set((await states()).values()) == {"accepted"}
    assert await sync_to_async(lanes.sending_is_down)() is None
    assert await Attempt.objects.filter(outcome="deferred").acount() == 0
