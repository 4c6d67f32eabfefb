"""The verbs of delivering: what a script reads from them is a promise."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes

import pytest
from click.testing import CliRunner
from tests.outbound.conftest import World, make_ticket, make_world, notification
from tests.outbound.hop import Hop

from answerback.cli import deliveries, doctor, queue, send_test, worker
from answerback.core import clock
from answerback.outbound import lanes, lifecycle, way_back
from answerback.outbound.models import Delivery, DeliveryEvent, Probe
from answerback.outbound.told import Outcome
from answerback.workers import deliver
from mailroom.report import Action, DeliveryReport, Stage

NAMES = [
    *("delivery_id", "subject", "kind", "resent_from", "ticket_id", "comment_id", "notification_id", "message_id"),
    *("recipient", "role", "state", "smtp_code", "enhanced_code", "diagnostic", "cause", "remote_mta", "attempts"),
    *("ambiguous", "next_attempt_at", "resolved", "updated_at"),
]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def hop(settings: object) -> Iterator[Hop]:
    """A next hop in a thread of its own: verbs bring their own event loops."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    hop = asyncio.run_coroutine_threadsafe(Hop().__aenter__(), loop).result()
    settings.RELAY_URL = hop.url  # type: ignore[attr-defined]
    yield hop
    asyncio.run_coroutine_threadsafe(hop.__aexit__(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def world() -> World:
    return make_world()


def run(command: object, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(command, arguments)  # type: ignore[arg-type]
    return result.exit_code, result.output


def lines(*arguments: str) -> list[dict[str, object]]:
    _, output = run(deliveries.command, "--jsonl", *arguments)
    return [json.loads(line) for line in output.splitlines()]


def test_deliveries_tells_what_became_of_each(world: World, hop: Hop) -> None:
    ticket = make_ticket(world)
    notification(world, ticket, [world.clara, world.deniz], subject="Re: ABKEY-0001")
    code, _ = run(worker.command, "deliver", "--once")
    assert code == 0
    first, second = lines()
    assert list(first) == NAMES
    assert (first["recipient"], first["role"], first["state"]) == ("clara@customer.test", "to", "accepted")
    assert (first["subject"], first["kind"], first["ticket_id"]) == ("Re: ABKEY-0001", "answer", ticket.pk)
    assert (first["smtp_code"], first["enhanced_code"], first["attempts"]) == (250, "2.0.0", 1)
    assert first["message_id"] == second["message_id"] == message_from_bytes(hop.kept[0].content)["Message-ID"]
    assert (first["resolved"], first["ambiguous"], first["next_attempt_at"]) == (False, False, None)


def test_deliveries_of_one_ticket_or_since_a_time(world: World) -> None:
    first, second = make_ticket(world), make_ticket(world)
    notification(world, first, [world.clara])
    notification(world, second, [world.clara])
    assert [line["ticket_id"] for line in lines("--ticket", str(second.pk))] == [second.pk]
    assert len(lines("--since", (clock.now() - timedelta(minutes=1)).isoformat())) == 2
    assert lines("--since", (clock.now() + timedelta(minutes=1)).isoformat()) == []
    code, output = run(deliveries.command, "--since", "yesterday")
    assert (code, "is not a time" in output) == (2, True)


def test_deliveries_for_people(world: World) -> None:
    notification(world, make_ticket(world), [world.clara])
    _, output = run(deliveries.command)
    assert "queued" in output
    assert "clara@customer.test" in output


def test_queue_is_idle_once_all_is_done(world: World) -> None:
    assert run(queue.command, "--wait-idle", "0")[0] == 0
    notification(world, make_ticket(world), [world.clara])
    code, output = run(queue.command, "--wait-idle", "0.1")
    assert (code, output.splitlines()[0]) == (1, "due 1, under way 0, waiting for a later attempt 0")
    assert "oldest due since" in output
    [pk] = lifecycle.claim(Delivery.objects.values_list("pk", flat=True), "me", clock.now() + timedelta(minutes=1))
    assert run(queue.command, "--wait-idle", "0")[0] == 1, "under way is not idle"
    refused = DeliveryReport("", Action.FAILED, reply_code=451, stage=Stage.RCPT)
    lifecycle.record([Outcome(pk, refused, "me", 1)])
    assert run(queue.command, "--wait-idle", "0")[0] == 1, "nobody has reacted yet"
    DeliveryEvent.objects.update(handled_at=clock.now())
    code, output = run(queue.command, "--wait-idle", "0")
    assert (code, output.splitlines()[0]) == (0, "due 0, under way 0, waiting for a later attempt 1")


def test_queue_waits(world: World) -> None:
    notification(world, make_ticket(world), [world.clara])
    timer = threading.Timer(0.5, cancel_all)
    timer.start()
    assert run(queue.command, "--wait-idle", "10")[0] == 0
    timer.join()


def cancel_all() -> None:
    Delivery.objects.update(state="cancelled", next_attempt_at=None)


def test_queue_says_that_sending_is_down(world: World) -> None:
    lanes.begin_trouble("relay.test:25", "535 no", "login_refused", clock.now())
    assert "sending is down since" in run(queue.command)[1]


def test_a_test_mail_that_is_taken(world: World, hop: Hop) -> None:
    code, output = run(send_test.command, "admin@customer.test")
    assert (code, output.splitlines()[0]) == (0, "admin@customer.test: accepted 250 2.0.0")
    mail = message_from_bytes(hop.kept[0].content)
    assert (mail["From"], mail["To"]) == ("Acme Support <support@acme.test>", "admin@customer.test")
    row = Delivery.objects.get()
    assert (row.kind, row.person, row.ticket) == ("system", None, None)


def test_verbs_tell_that_reports_do_not_reach_us(world: World, hop: Hop, settings: object) -> None:
    settings.PROBE_ADDRESS = "nobody-*@elsewhere.test"  # type: ignore[attr-defined]
    assert "failure reports" not in run(send_test.command, "admin@customer.test")[1]
    way_back.start()
    asyncio.run(deliver.once())
    Probe.objects.update(result=Probe.Result.MISSING, concluded_at=clock.now())
    assert "Accepted; failure reports do not reach us" in run(send_test.command, "admin@customer.test")[1]
    code, output = run(doctor.command)
    assert code == 1
    assert "WARN way_back         Failure reports do not reach us" in output
    assert "ANSWERBACK_RETURN_PATH=fixed" in output


def test_a_test_mail_that_is_refused(world: World, hop: Hop) -> None:
    code, output = run(send_test.command, "550@customer.test")
    assert code == 1
    assert output.splitlines()[0] == "550@customer.test: failed 550 5.1.1"
    assert "User unknown" in output


def test_a_test_mail_without_a_relay_or_an_address(world: World, settings: object) -> None:
    settings.RELAY_URL = ""  # type: ignore[attr-defined]
    code, output = run(send_test.command, "admin@customer.test")
    assert (code, "ANSWERBACK_RELAY_URL" in output) == (1, True)
    assert run(send_test.command, "nobody")[0] == 2
    assert not Delivery.objects.exists()
