"""The engine at work: real sessions with a next hop on loopback, real tables."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import timedelta
from email import message_from_bytes
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError, connections
from django.utils import timezone
from tests.mailroom.smtp.scripted_server import NameServer
from tests.outbound.conftest import World, make_ticket, make_world, notification
from tests.outbound.hop import Hop

from answerback.core import clock
from answerback.outbound import claims, destinations, envelopes, lanes, lifecycle, recorder, standing
from answerback.outbound import engine as engine_module
from answerback.outbound.engine import Engine
from answerback.outbound.lines import SLOW_AFTER, Line
from answerback.outbound.models import Attempt, Delivery, Lane, Message
from answerback.outbound.tokens import Reader
from answerback.outbound.told import Outcome
from answerback.people import identities
from answerback.people.models import Identity, Person
from answerback.tickets.models import SupportAddress
from mailroom.smtp.session import Envelope

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def quick(settings: object) -> None:
    settings.SMTP_TIMEOUTS = dict.fromkeys(settings.SMTP_TIMEOUTS, 2)  # type: ignore[attr-defined]
    settings.RETRY_SCHEDULE = (1, 2)  # type: ignore[attr-defined]


@asynccontextmanager
async def running(engine: Engine | None = None) -> AsyncIterator[Engine]:
    engine, stop = engine or Engine(), asyncio.Event()
    task = asyncio.create_task(engine.run(stop))
    try:
        yield engine
    finally:
        stop.set()
        await asyncio.wait_for(task, 10)


async def send_all() -> None:
    await asyncio.wait_for(Engine().run(asyncio.Event(), once=True), 20)


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.02)


async def test_the_size_that_the_server_announces_is_noted_for_the_composer(settings: object) -> None:
    async with Hop() as hop:
        settings.RELAY_URL = hop.url  # type: ignore[attr-defined]
        await answer_to("ok@customer.test")
        await send_all()
    assert await sync_to_async(lanes.size_limit)(["ok@customer.test"]) == 10_240_000


async def test_who_is_not_there_does_not_take_back_the_size_it_announced(settings: object) -> None:
    async with Hop() as hop:
        settings.RELAY_URL = hop.url  # type: ignore[attr-defined]
        await answer_to("ok@customer.test")
        await send_all()
    await answer_to("later@customer.test")
    async with running():
        await until(sending_is_down)
        await until(nothing_is_in_hand)
    assert await sync_to_async(lanes.size_limit)(["ok@customer.test"]) == 10_240_000


async def nothing_is_in_hand() -> bool:
    return not await Delivery.objects.filter(state="sending").aexists()


def person(address: str) -> Person:
    return identities.find_or_create(address, address, "en").person


@sync_to_async
def answer_to(*addresses: str, kind: str = "answer") -> None:
    """An answer that waits for each of these addresses, every one on a ticket of its own."""
    support = SupportAddress.objects.filter(normal="support@acme.test").first()
    world = make_world() if support is None else None
    for address in addresses:
        clara = person("clara@customer.test")
        cast = world or World(support, None, clara, person("deniz@customer.test"), clara)  # type: ignore[arg-type]
        notification(cast, make_ticket(cast), [person(address)], kind)


@sync_to_async
def states() -> dict[str, str]:
    return dict(Delivery.objects.order_by("id").values_list("recipient", "state"))


@sync_to_async
def row(recipient: str) -> Delivery:
    return Delivery.objects.get(recipient=recipient)


async def is_state(recipient: str, state: str) -> bool:
    return (await states()).get(recipient) == state


async def test_each_recipient_ends_in_the_right_state(settings: object) -> None:
    async with Hop() as hop:
        settings.RELAY_URL = hop.url  # type: ignore[attr-defined]
        await answer_to("ok@c.test", "550+a@c.test", "451+a@c.test", "lost@c.test")
        await send_all()
    assert await states() == {
        "ok@c.test": "accepted",
        "550+a@c.test": "failed",
        "451+a@c.test": "deferred",
        "lost@c.test": "deferred",
    }
    failed, lost, accepted = await row("550+a@c.test"), await row("lost@c.test"), await row("ok@c.test")
    assert (failed.smtp_code, failed.enhanced_code, failed.cause) == (550, "5.1.1", "address_unknown")
    assert (lost.ambiguous, lost.smtp_code) == (True, None)
    assert (accepted.final_hop, accepted.diagnostic[:3]) == (False, "250")


async def test_what_goes_out_names_its_delivery(settings: object) -> None:
    async with Hop() as hop:
        settings.RELAY_URL = hop.url  # type: ignore[attr-defined]
        await answer_to("ok@c.test")
        await send_all()
        [mail] = hop.kept
    delivery = await row("ok@c.test")
    reader = await sync_to_async(Reader.current)()
    reading = reader.return_path(mail.mail_from)
    assert reading
    assert reading.delivery_id == delivery.pk
    head = message_from_bytes(mail.content)
    assert reader.delivery_token(head["X-Answerback-Delivery"]).delivery_id == delivery.pk
    assert head["Reply-To"].startswith("support+")


async def test_a_new_mail_is_tried_within_a_moment(settings: object) -> None:
    tried: list[float] = []
    async with Hop(at=lambda stage, recipient: tried.append(time.monotonic())) as hop:
        settings.RELAY_URL = hop.url  # type: ignore[attr-defined]
        async with running() as engine:
            await asyncio.sleep(0.3)
            began = time.monotonic()
            await answer_to("ok@c.test")
            engine.wake()
            await until(lambda: is_state("ok@c.test", "accepted"))
    assert tried[0] - began < 2, "creating the cast included"


async def test_a_transient_refusal_is_tried_again_with_the_same_message(settings: object) -> None:
    async with Hop() as hop:
        settings.RELAY_URL = hop.url  # type: ignore[attr-defined]
        await answer_to("lost@c.test")
        async with running():
            await until(lambda: tries("lost@c.test", 2))
        ids = {message_from_bytes(mail.content)["Message-ID"] for mail in hop.copies("lost@c.test")}
    assert len(ids) == 1


async def tries(recipient: str, number: int) -> bool:
    finished = Attempt.objects.filter(delivery__recipient=recipient, finished_at__isnull=False)
    return await finished.acount() >= number


async def test_what_was_tried_for_weeks_is_tried_on(settings: object) -> None:
    """A lane in trouble is probed with the same mail every minute: after 23 days that is more often than 32,767."""
    async with Hop() as hop:
        settings.RELAY_URL = hop.url  # type: ignore[attr-defined]
        await answer_to("ok+old@c.test", "ok@c.test")
        await Delivery.objects.filter(recipient="ok+old@c.test").aupdate(attempts=32767)
        await send_all()
    assert await states() == {"ok+old@c.test": "accepted", "ok@c.test": "accepted"}
    assert (await Attempt.objects.aget(delivery__recipient="ok+old@c.test")).number == 32768


async def test_one_that_hangs_delays_no_other(settings: object) -> None:
    settings.SMTP_TIMEOUTS |= {"dot": 6}  # type: ignore[attr-defined]
    async with Hop() as hop:
        settings.RELAY_URL = hop.url  # type: ignore[attr-defined]
        await answer_to("hang@c.test", *(f"ok+{number}@c.test" for number in range(8)))
        async with running():
            await until(all_accepted, 5)
            assert await is_state("hang@c.test", "sending")


async def test_no_outcome_waits_for_one_that_hangs(settings: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is noted as soon as nobody else may bring one, and not when waiting for more has an end."""
    monkeypatch.setattr(recorder, "GROUP_SECONDS", 60)
    settings.SMTP_TIMEOUTS |= {"dot": 8}  # type: ignore[attr-defined]
    async with Hop() as hop:
        settings.RELAY_URL = hop.url  # type: ignore[attr-defined]
        async with running() as engine:
            await answer_to("hang@c.test")
            engine.wake()
            await until(lambda: is_state("hang@c.test", "sending"))
            await asyncio.sleep(5 * SLOW_AFTER)
            await answer_to(*(f"ok+{number}@c.test" for number in range(8)))
            engine.wake()
            await until(all_accepted, 5)
            assert await is_state("hang@c.test", "sending")


async def all_accepted() -> bool:
    return [state for name, state in (await states()).items() if name.startswith("ok")] == ["accepted"] * 8


async def test_a_dead_relay_is_our_fault_and_recovers_by_itself(settings: object) -> None:
    async with Hop(refuses="421 4.3.2 closing") as hop:
        settings.RELAY_URL = hop.url  # type: ignore[attr-defined]
        await answer_to("ok+1@c.test", "ok+2@c.test", "ok+3@c.test")
        async with running():
            await until(sending_is_down)
            rows = [await row(f"ok+{number}@c.test") for number in (1, 2, 3)]
            assert all(one.state in ("queued", "deferred", "sending") for one in rows)
            assert hop.most_sessions <= 3
            hop.refuses = ""
            await until(lambda: is_state("ok+3@c.test", "accepted"))
            await until(lambda: is_state("ok+1@c.test", "accepted"))
    assert not await sending_is_down()


async def sending_is_down() -> bool:
    return await sync_to_async(lanes.sending_is_down)() is not None


async def test_without_a_relay_mail_waits_and_says_why(settings: object) -> None:
    settings.RELAY_URL = ""  # type: ignore[attr-defined]
    await answer_to("ok@c.test")
    await send_all()
    lane = await Lane.objects.aget()
    assert (lane.last_cause, "ANSWERBACK_RELAY_URL" in lane.last_error) == ("not_configured", True)
    waiting = await row("ok@c.test")
    assert (waiting.state, standing.words_of(waiting, lane)) == ("queued", "our_fault")
    async with Hop() as hop:
        settings.RELAY_URL = hop.url  # type: ignore[attr-defined]
        await send_all()
    assert await is_state("ok@c.test", "accepted")
    assert not await sending_is_down()


async def test_a_paused_lane_keeps_its_mail(settings: object) -> None:
    async with Hop() as hop:
        settings.RELAY_URL = hop.url  # type: ignore[attr-defined]
        await answer_to("ok@c.test")
        await sync_to_async(lanes.pause)(f"127.0.0.1:{hop.port}", None)
        await send_all()
        assert await is_state("ok@c.test", "queued")
        await sync_to_async(lanes.resume)(f"127.0.0.1:{hop.port}")
        await send_all()
        assert await is_state("ok@c.test", "accepted")


async def test_suppressed_while_it_waited(settings: object) -> None:
    async with Hop() as hop:
        settings.RELAY_URL = hop.url  # type: ignore[attr-defined]
        await answer_to("ok@c.test")
        await Identity.objects.filter(normal="ok@c.test").aupdate(deliverability="suppressed", cause="mailbox_disabled")
        await send_all()
        held = await row("ok@c.test")
        assert (held.state, held.hold_reason, held.cause) == ("held", "suppressed", "mailbox_disabled")
        await sync_to_async(lifecycle.decide)([held.pk], lifecycle.Fact.RELEASE)
        await send_all()
        assert await is_state("ok@c.test", "accepted"), "a person released it: it goes"


async def test_answers_go_before_automatic_mail(settings: object) -> None:
    order: list[str] = []
    settings.SESSIONS_PER_DESTINATION = 1  # type: ignore[attr-defined]
    async with Hop(at=lambda stage, recipient: order.append(recipient)) as hop:
        settings.RELAY_URL = hop.url  # type: ignore[attr-defined]
        await answer_to("auto+1@c.test", "auto+2@c.test", kind="automatic")
        await answer_to("answer@c.test")
        await send_all()
    assert order[0] == "answer@c.test"


async def test_a_clean_stop_gives_back_what_was_not_begun(settings: object) -> None:
    settings.SMTP_TIMEOUTS |= {"dot": 60}  # type: ignore[attr-defined]
    settings.SESSIONS_PER_DESTINATION = 1  # type: ignore[attr-defined]
    async with Hop() as hop:
        settings.RELAY_URL = hop.url  # type: ignore[attr-defined]
        await answer_to("hang@c.test", "ok@c.test")
        began = time.monotonic()
        async with running():
            await until(lambda: is_state("hang@c.test", "sending"))
            await asyncio.sleep(0.2)
            began = time.monotonic()
        assert time.monotonic() - began < 10
    hanging, waiting = await row("hang@c.test"), await row("ok@c.test")
    assert (hanging.state, hanging.ambiguous) == ("deferred", True)
    assert (waiting.state, waiting.attempts, waiting.ambiguous) == ("queued", 0, False)


async def test_a_stop_before_a_mail_is_complete_gives_it_back_untried(settings: object) -> None:
    """It cannot have arrived: nobody is told that it may have, and it does not wait for its next attempt."""
    settings.SMTP_TIMEOUTS |= {"data": 60}  # type: ignore[attr-defined]
    asked = asyncio.Event()

    async def take_no_data(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hop.test ESMTP\r\n")
        while line := await reader.readline():
            if line == b"DATA\r\n":
                asked.set()
            else:
                writer.write(b"250 2.0.0 Ok\r\n")
        writer.close()

    async with await asyncio.start_server(take_no_data, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        settings.RELAY_URL = f"smtp://127.0.0.1:{port}?tls=none"  # type: ignore[attr-defined]
        await answer_to("ok@c.test")
        async with running():
            await asyncio.wait_for(asked.wait(), 10)
    waiting = await row("ok@c.test")
    assert (waiting.state, waiting.ambiguous, waiting.attempts) == ("queued", False, 0)


async def test_what_a_slow_database_grants_to_one_who_stops_is_given_back(
    settings: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where settings change the process lives on: nobody could prove its lease dead, or would carry that mail."""
    asked, granting = threading.Event(), claims.take

    def grant_late(*asking: Any) -> claims.Round:
        asked.set()
        time.sleep(1)
        return granting(*asking)

    monkeypatch.setattr(claims, "take", grant_late)
    monkeypatch.setattr(engine_module, "CLAIM_SECONDS", 0.1)
    settings.RELAY_URL = "smtp://127.0.0.1:1"  # type: ignore[attr-defined]
    await answer_to("ok@c.test")
    async with running():
        await asyncio.to_thread(asked.wait, 10)
    waiting = await row("ok@c.test")
    assert (waiting.state, waiting.owner, waiting.attempts) == ("queued", "", 0)


async def test_a_slow_database_gets_back_what_one_who_stops_gives_back(
    settings: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "CLAIM_SECONDS", 0.1)
    settings.RELAY_URL = "smtp://127.0.0.1:1"  # type: ignore[attr-defined]
    await answer_to("ok@c.test")
    await sync_to_async(lanes.pause)("127.0.0.1:1", None)
    async with running() as engine:
        found = await sync_to_async(claims.take)(engine.owner, "", lambda destination, lane: 1)
        engine._database._executor.submit(time.sleep, 1)
        engine._put_down(found.claims)
        engine.wake()
        await until(lambda: is_giving_back(engine))
    waiting = await row("ok@c.test")
    assert (waiting.state, waiting.owner, waiting.attempts) == ("queued", "", 0)


async def is_giving_back(engine: Engine) -> bool:
    return not engine._unbegun


async def test_a_stop_need_not_wait_until_all_mail_has_changed_its_lane(
    settings: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen as minutes, where a relay was changed while twenty thousand mails waited."""
    begun = threading.Event()

    def relabel_without_end() -> Iterator[int]:
        while True:
            begun.set()
            time.sleep(0.05)
            yield 1

    monkeypatch.setattr(destinations, "relabel_by_batches", relabel_without_end)
    async with running():
        await asyncio.to_thread(begun.wait, 10)


async def test_what_is_deleted_while_claimed_is_not_taken_for_the_mail_in_doubt(
    settings: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen as a mail that may have arrived, and was given back as if never begun."""
    settings.SMTP_TIMEOUTS |= {"dot": 60}  # type: ignore[attr-defined]
    settings.SESSIONS_PER_DESTINATION = 1  # type: ignore[attr-defined]
    monkeypatch.setattr(Line, "_most", 2)
    engine, stages = Engine(), list[str]()
    load = engine._load

    async def load_late(delivery_ids: Sequence[int]) -> list[Envelope]:
        await Message.objects.filter(deliveries__recipient="gone@c.test").adelete()
        return await load(delivery_ids)

    monkeypatch.setattr(engine, "_load", load_late)
    async with Hop(at=lambda stage, recipient: stages.append(stage)) as hop:
        settings.RELAY_URL = hop.url  # type: ignore[attr-defined]
        await answer_to("gone@c.test", "hang@c.test")
        async with running(engine):
            await until(lambda: is_among("body", stages))
            await asyncio.sleep(0.2)  # the final dot has come
    hanging = await row("hang@c.test")
    assert (hanging.state, hanging.ambiguous, hanging.attempts) == ("deferred", True, 1)


async def test_a_mail_that_cannot_be_made_ready_keeps_no_other_of_its_batch(
    settings: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen as a whole batch that waited for its next attempt, and met there again."""
    monkeypatch.setattr(Line, "_most", 3)
    settings.RETRY_SCHEDULE = (600,)  # type: ignore[attr-defined]
    ready = envelopes._envelope

    def make_ready(copy: Any, batch: Any) -> Envelope:
        if copy.recipient == "odd@c.test":
            raise ValueError("a bug of ours")
        return ready(copy, batch)

    monkeypatch.setattr(envelopes, "_envelope", make_ready)
    async with Hop() as hop:
        settings.RELAY_URL = hop.url  # type: ignore[attr-defined]
        await answer_to("ok@c.test", "odd@c.test", "fine@c.test")
        await send_all()
    assert await states() == {"ok@c.test": "accepted", "odd@c.test": "deferred", "fine@c.test": "accepted"}
    odd = await row("odd@c.test")
    assert (odd.ours, odd.diagnostic, odd.attempts) == (True, "internal error: ValueError", 1)


async def test_what_cannot_be_stored_stops_sending(settings: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database refuses, as a full disk makes it: nothing more is sent; once it takes again, all goes on."""
    broken = [True]
    record = lifecycle.record

    def refusing(outcomes: list[Outcome]) -> object:
        if broken[0]:
            raise OperationalError("database or disk is full")
        return record(outcomes)

    monkeypatch.setattr(lifecycle, "record", refusing)
    settings.SESSIONS_PER_DESTINATION = 5  # type: ignore[attr-defined]
    async with Hop() as hop:
        settings.RELAY_URL = hop.url  # type: ignore[attr-defined]
        await answer_to(*(f"ok+{number}@c.test" for number in range(40)))
        async with running() as engine:
            await until(lambda: is_sick(engine))
            await asyncio.sleep(1.0)  # what was on its way when the first outcome was refused
            kept = len(hop.kept)
            await asyncio.sleep(1.5)
            assert len(hop.kept) == kept <= 5, "one message of each session"
            broken[0] = False
            await until(lambda: is_state("ok+39@c.test", "accepted"))
        assert engine.healthy


async def test_what_is_said_while_nothing_can_be_stored_is_noted_later(
    settings: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mail that was complete already is not sent again: the session hears what becomes of it."""
    broken = [True]
    record = lifecycle.record

    def refusing(outcomes: list[Outcome]) -> object:
        if broken[0]:
            raise OperationalError("database or disk is full")
        return record(outcomes)

    monkeypatch.setattr(lifecycle, "record", refusing)
    stages: list[str] = []
    async with Hop(at=lambda stage, recipient: stages.append(stage)) as hop:
        settings.RELAY_URL = hop.url  # type: ignore[attr-defined]
        await answer_to("slow@c.test")
        async with running() as engine:
            await until(lambda: is_among("body", stages))
            await answer_to("ok@c.test")
            engine.wake()
            await until(lambda: is_sick(engine))
            await until(lambda: is_kept(hop, "slow@c.test"))
            broken[0] = False
            await until(lambda: is_state("slow@c.test", "accepted"))
        assert len(hop.copies("slow@c.test")) == 1
    assert not (await row("slow@c.test")).ambiguous


async def test_what_was_claimed_unheard_waits_for_no_lease(settings: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection breaks between the commit of a claim and its reply. What is under way is not touched."""
    take, stages = claims.take, list[str]()
    lost: list[claims.Claim] = []

    def breaking(*asked: Any) -> claims.Round:
        found = take(*asked)
        if stages and found.claims and not lost:
            lost.extend(found.claims)
            raise OperationalError("the connection is lost")
        return found

    monkeypatch.setattr(claims, "take", breaking)
    async with Hop(at=lambda stage, recipient: stages.append(stage)) as hop:
        settings.RELAY_URL = hop.url  # type: ignore[attr-defined]
        await answer_to("slow@c.test")
        async with running() as engine:
            await until(lambda: is_among("body", stages))
            await answer_to("ok@c.test")
            engine.wake()
            await until(nothing_waits)
        assert len(hop.copies("slow@c.test")) == len(hop.copies("ok@c.test")) == 1
    assert [claim.recipient for claim in lost] == ["ok@c.test"]
    assert [(one.attempts, one.ambiguous) async for one in Delivery.objects.all()] == [(1, False), (1, False)]


async def is_among(stage: str, stages: list[str]) -> bool:
    return stage in stages


async def is_kept(hop: Hop, recipient: str) -> bool:
    return bool(hop.copies(recipient))


async def is_sick(engine: Engine) -> bool:
    return not engine.healthy


async def test_who_slept_past_the_leases_sends_no_more_of_the_batch(settings: object) -> None:
    settings.SESSIONS_PER_DESTINATION = 1  # type: ignore[attr-defined]
    engine = Engine()
    taken_over: set[str] = set()

    def sleep(stage: str, recipient: str) -> None:
        """While this mail is on its way somebody else takes over all others that were claimed with it."""
        if stage == "kept" and len(hop.kept) >= 10 and not taken_over:
            with ThreadPoolExecutor(1) as thread:
                held, sent = {pk for pk, _ in engine._good_until}, {mail.rcpt_to for mail in hop.kept}
                found = thread.submit(take_over, held, sent).result()
            taken_over.update(found)
            engine._good_until.update(dict.fromkeys(engine._good_until, 0.0))

    async with Hop(at=sleep) as hop:
        settings.RELAY_URL = hop.url  # type: ignore[attr-defined]
        await answer_to(*(f"ok+{number}@c.test" for number in range(20)))
        async with running(engine):
            await until(lambda: are_tried(20 - len(taken_over)))
        sent = {mail.rcpt_to for mail in hop.kept}
    assert taken_over
    assert not sent & taken_over


def take_over(delivery_ids: set[int], but: set[str]) -> set[str]:
    """Gives the recipients."""
    others = Delivery.objects.filter(pk__in=delivery_ids, state="sending").exclude(recipient__in=but)
    recipients = set(others.values_list("recipient", flat=True))
    Delivery.objects.filter(recipient__in=recipients).update(owner="somebody else")
    connections.close_all()
    return recipients


def freeze(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    time.sleep(seconds)  # the whole process


def suspend(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """The whole machine: when it goes on its clock is put right, and nothing else of it has noticed."""
    monkeypatch.setattr(clock, "now", lambda: timezone.now() + timedelta(seconds=seconds))


@pytest.mark.parametrize(("sleeps", "lease"), [(freeze, 2), (suspend, 900)])
async def test_who_slept_and_has_the_same_mail_anew_sends_it_once(
    settings: object, monkeypatch: pytest.MonkeyPatch, sleeps: Callable[[pytest.MonkeyPatch, float], None], lease: int
) -> None:
    """A session goes on with the batch that it had before the sleep, when all of it is claimed again by its process."""
    settings.SESSIONS_PER_DESTINATION = 1  # type: ignore[attr-defined]
    settings.LEASE = lease  # type: ignore[attr-defined]
    recovered: list[int] = []

    def sleep(stage: str, recipient: str) -> None:
        if stage == "body" and recipient.startswith("slow") and not recovered:
            sleeps(monkeypatch, lease + 0.5)
            with ThreadPoolExecutor(1) as thread:
                recovered.append(thread.submit(recover).result())

    async with Hop(at=sleep) as hop:
        settings.RELAY_URL = hop.url  # type: ignore[attr-defined]
        await answer_to(*(f"{'slow' if number == 45 else 'ok'}+{number}@c.test" for number in range(70)))
        async with running():
            await until(nothing_waits, 30)
    sent = Counter(mail.rcpt_to for mail in hop.kept)
    assert recovered[0] > 1, "more than the mail that the session is at"
    assert [one for one, number in sent.items() if number > 1 and not one.startswith("slow")] == []


async def nothing_waits() -> bool:
    return set((await states()).values()) == {"accepted"}


def recover() -> int:
    """As the tidying worker does every few seconds."""
    try:
        return claims.recover_expired_leases()
    finally:
        connections.close_all()


async def are_tried(number: int) -> bool:
    return await Attempt.objects.filter(finished_at__isnull=False).acount() >= number


async def test_the_dead_give_back_what_they_held(settings: object) -> None:
    async with Hop() as hop:
        settings.RELAY_URL = hop.url  # type: ignore[attr-defined]
        await answer_to("ok@c.test")
        dead = Engine().owner.split(":")
        dead[3] = "1"  # a process of this host and boot that began at another time: it is gone
        await sync_to_async(claims.take)(":".join(dead), "", lambda destination, lane: 10)
        assert await is_state("ok@c.test", "sending")
        await send_all()
    sent = await row("ok@c.test")
    assert (sent.state, sent.attempts, sent.ambiguous) == ("accepted", 2, True)


async def test_the_living_keep_their_leases() -> None:
    await answer_to("ok@c.test")
    await sync_to_async(claims.take)(Engine().owner, "", lambda destination, lane: 10)
    assert await sync_to_async(claims.recover_from_the_dead)() == 0
    assert await sync_to_async(claims.recover_expired_leases)() == 0
    await Delivery.objects.aupdate(lease_until=clock.now() - timedelta(seconds=1))
    assert await sync_to_async(claims.recover_expired_leases)() == 1


class TestStraightToMx:
    """Without a relay: each domain is a lane of its own."""

    async def test_the_recipients_own_server_is_the_final_hop(self, settings: object) -> None:
        async with Hop() as hop, names() as resolver:
            settings.RELAY_URL, settings.RESOLVER = f"mx:{hop.port}?tls=none", resolver  # type: ignore[attr-defined]
            await answer_to("ok@alive.test", "ok@nowhere.test", "ok@nullmx.test")
            await send_all()
        assert await states() == {
            "ok@alive.test": "accepted",
            "ok@nowhere.test": "failed",
            "ok@nullmx.test": "failed",
        }
        assert (await row("ok@alive.test")).final_hop
        assert (await row("ok@nowhere.test")).cause == "domain_unknown"
        assert (await row("ok@nullmx.test")).enhanced_code == "5.1.10"

    async def test_dead_destinations_delay_no_others(self, settings: object) -> None:
        settings.SESSIONS_MAX = 4  # type: ignore[attr-defined]
        async with Hop() as hop, names() as resolver:
            settings.RELAY_URL, settings.RESOLVER = f"mx:{hop.port}?tls=none", resolver  # type: ignore[attr-defined]
            await answer_to(*(f"ok+{number}@dead.test" for number in range(30)))
            await answer_to(*(f"ok+{number}@alive.test" for number in range(8)))
            async with running():
                await until(alive_accepted, 4)
        assert not await sending_is_down(), "their server is down, not we"


async def alive_accepted() -> bool:
    return all(state == "accepted" for name, state in (await states()).items() if name.endswith("@alive.test"))


@asynccontextmanager
async def names() -> AsyncIterator[str]:
    """The address of a name server that knows alive.test, nullmx.test and dead.test, which drops what it is asked."""
    zone = {
        "alive.test": {"MX": ["10 mx.alive.test."]},
        "mx.alive.test": {"A": ["127.0.0.1"]},
        "nullmx.test": {"MX": ["0 ."]},
        "dead.test": "DROP",
    }
    async with NameServer(zone) as server:
        yield server.address
