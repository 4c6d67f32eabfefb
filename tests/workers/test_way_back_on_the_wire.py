"""The way back on the wire: real workers, our own doorway, and a relay on loopback that reports or swallows.

With one that swallows, the red dot and the sentence appear within the set time, and go by themselves once a report
comes back; with one that reports they never appear.
"""

from __future__ import annotations

import asyncio
import smtplib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.test import Client
from tests.outbound import relay_reports
from tests.outbound.hop import Hop, Kept
from tests.world import World, make_world

from answerback.desk.models import Notice
from answerback.outbound import way_back, way_back_words
from answerback.outbound.models import Delivery, Probe
from answerback.reports import readiness, sending
from answerback.store.models import RawMail
from answerback.tickets.models import Ticket
from answerback.workers import runner

pytestmark = pytest.mark.django_db(transaction=True)
Shape = Callable[[str, str, bytes], bytes]
Result = Probe.Result
SENTENCE = "Accepted; failure reports do not reach us"
SATZ = "Angenommen; Fehlerberichte kommen hier nicht an"


@dataclass
class Relay(Hop):
    """Takes everything; a mail to `nobody…` it has to give back, which it does while `shape` says how."""

    shape: Shape | None = None
    takes_from: str = ""  # any other return path is refused, as by Microsoft 365
    doorway: tuple[str, int] = ("", 0)
    _posts: set[asyncio.Task[None]] = field(default_factory=set)

    def mail(self, address: str) -> str:
        if self.takes_from and address != self.takes_from:
            return f"550 5.7.60 SMTP; Client does not have permissions to send as this sender <{address}>"
        return "250 2.1.0 Ok"

    async def _answer_dot(self, mail: Kept, say: Callable[[str], None]) -> bool:
        going_on = await super()._answer_dot(mail, say)
        if self.shape and mail.rcpt_to.startswith("nobody"):
            task = asyncio.create_task(asyncio.to_thread(self._give_back, mail, self.shape))
            self._posts.add(task)
        return going_on

    def _give_back(self, mail: Kept, shape: Shape) -> None:
        octets = shape(mail.rcpt_to, mail.mail_from, mail.content).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        with smtplib.SMTP(*self.doorway, timeout=20) as smtp:
            smtp.sendmail("", [mail.mail_from], octets)

    async def __aexit__(self, *exc: object) -> None:
        await super().__aexit__(*exc)
        await asyncio.gather(*self._posts)  # a report that was not taken fails the test


@asynccontextmanager
async def working(relay: Relay, settings: object) -> AsyncIterator[None]:
    """All workers, with mail out by the relay and mail in by the doorway."""
    stop, listening = asyncio.Event(), asyncio.Event()

    def heard(host: str, port: int) -> None:
        relay.doorway = (host, port)
        listening.set()

    settings.RELAY_URL = relay.url  # type: ignore[attr-defined]
    settings.SMTP_LISTEN = ("127.0.0.1", 0)  # type: ignore[attr-defined]
    settings.RETURN_PATH_DOMAIN = settings.MAIL_DOMAIN = "help.acme.test"  # type: ignore[attr-defined]
    settings.PROBE_ADDRESS = "nobody-*@elsewhere.test"  # type: ignore[attr-defined]
    settings.PROBE_EVERY = 86400  # type: ignore[attr-defined]
    settings.PROBE_PATIENCE = 2  # type: ignore[attr-defined]
    workers = asyncio.create_task(runner.run(runner.NAMES, stop, heard))
    try:
        await asyncio.wait_for(listening.wait(), 20)
        yield
    finally:
        stop.set()
        await asyncio.wait_for(workers, 20)


async def until(look: Callable[[], object]) -> None:
    async with asyncio.timeout(40):
        while not await sync_to_async(look)():
            await asyncio.sleep(0.05)


def last_result() -> str:
    probe = way_back.last()
    return probe.result if probe else ""


def is_accepted(world: World) -> bool:
    return Delivery.objects.filter(person=world.clara, state="accepted").exists()


def page(world: World, ticket: Ticket, account: str = "ada") -> str:
    browser = Client()
    browser.force_login(getattr(world, account))
    return browser.get(f"/tickets/{ticket.pk}").content.decode()


def play(story: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        try:
            await story()
        finally:
            await sync_to_async(connections.close_all)()

    asyncio.run(whole())


def test_a_relay_that_returns_reports_leaves_all_calm(settings: object, data_dir: object) -> None:
    async def story() -> None:
        world = await sync_to_async(make_world)()
        async with Relay(shape=relay_reports.gmail) as relay, working(relay, settings):
            await until(lambda: last_result() == Result.RETURNED)
            ticket = await sync_to_async(world.ticket)()
            await sync_to_async(world.answer)(ticket)
            await until(lambda: is_accepted(world))
            assert SENTENCE not in await sync_to_async(page)(world, ticket)
            assert await sync_to_async(sending.health)() == "fine"
            assert not await Notice.objects.filter(kind="way_back").aexists()
            assert await Ticket.objects.acount() == 1  # neither the probe nor its report is one
            assert await RawMail.objects.filter(state="report").acount() == 1
            assert [mail.rcpt_to[:6] for mail in relay.kept if "nobody" in mail.rcpt_to] == ["nobody"]

    play(story)


def test_a_relay_that_swallows_them_is_found_out_and_forgiven(settings: object, data_dir: object) -> None:
    async def story() -> None:
        world = await sync_to_async(make_world)()
        ticket = await sync_to_async(world.ticket)()
        await sync_to_async(world.answer)(ticket)
        async with Relay() as relay, working(relay, settings):
            await until(lambda: is_accepted(world))
            await until(lambda: last_result() == Result.MISSING)
            assert SENTENCE in await sync_to_async(page)(world, ticket)
            assert SATZ in await sync_to_async(page)(world, ticket, "bruno")
            assert await sync_to_async(sending.health)() == "blind"
            [check] = [one for one in await sync_to_async(readiness.look)() if one.id == "way_back"]
            assert (check.ready, check.warns) == (True, True)
            assert "ANSWERBACK_RETURN_PATH=fixed" in check.hint
            assert await Notice.objects.filter(kind="way_back", account=world.bruno, settled_at=None).acount() == 1
            assert not await Notice.objects.filter(kind="way_back", account=world.ada).aexists()
            await until(lambda: any(mail.rcpt_to == "bruno@acme.test" for mail in relay.kept))

            relay.shape = relay_reports.microsoft_365
            assert await sync_to_async(way_back.start)(world.bruno)
            await until(lambda: last_result() == Result.RETURNED)
            assert SENTENCE not in await sync_to_async(page)(world, ticket)
            assert await sync_to_async(sending.health)() == "fine"
            assert not await Notice.objects.filter(kind="way_back", settled_at=None).aexists()

    play(story)


@pytest.mark.parametrize("shape", [relay_reports.microsoft_365, relay_reports.gmail])
def test_a_relay_that_takes_no_foreign_return_path(settings: object, data_dir: object, shape: Shape) -> None:
    """Signed: refused at once, which is said, and proves nothing. Fixed: mail goes, and its report counts."""

    async def story() -> None:
        world = await sync_to_async(make_world)()
        async with Relay(shape=shape, takes_from="support@acme.test") as relay, working(relay, settings):
            await until(lambda: last_result() == Result.REFUSED)
            assert not relay.kept
            assert "RETURN_PATH=fixed" in await sync_to_async(lambda: way_back_words.advice(way_back.newest()[0]))()
            settings.RETURN_PATH = "fixed"  # type: ignore[attr-defined]
            ticket = await sync_to_async(world.ticket)()
            await sync_to_async(world.answer)(ticket)
            assert await sync_to_async(way_back.start)()
            await until(lambda: last_result() == Result.RETURNED)
            await until(lambda: is_accepted(world))
            assert {mail.mail_from for mail in relay.kept} == {"support@acme.test"}
            probe = await Probe.objects.select_related("delivery").alatest("id")
            event = await probe.delivery.events.aget(source="report")
            assert (event.match, event.to_state) == ("token", "failed")

    play(story)


def test_a_probe_that_comes_to_ourselves_is_no_ticket(settings: object, data_dir: object) -> None:
    """A catch-all hands it to us: nothing is proven, and no ticket is opened."""

    async def story() -> None:
        await sync_to_async(make_world)()
        async with Relay() as relay, working(relay, settings):
            await until(lambda: any("nobody" in mail.rcpt_to for mail in relay.kept))
            [probe] = [mail for mail in relay.kept if "nobody" in mail.rcpt_to]

            def hand_over() -> None:
                with smtplib.SMTP(*relay.doorway, timeout=20) as smtp:
                    smtp.sendmail(probe.mail_from, ["support@acme.test"], probe.content)

            await asyncio.to_thread(hand_over)
            await until(lambda: last_result() == Result.ARRIVED)
            assert not await Ticket.objects.aexists()
            assert (await RawMail.objects.aget()).reason == "probe"
            assert await sync_to_async(sending.health)() == "fine"

    play(story)
