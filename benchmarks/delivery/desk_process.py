"""One process of the desk under measurement: `python -m benchmarks.delivery.desk_process VERB …`; see `ours`.

It says "ready", begins when it is told to where there is something to begin, prints what it found, and ends with its
input. Nothing here is made for speed: mail is written by `outbound.enqueue` and delivered by the worker.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from itertools import count as counting

import django
import uvloop

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402

from answerback.cli import running  # noqa: E402
from answerback.core import clock, live  # noqa: E402
from answerback.inbound.smtp import Doorway  # noqa: E402
from answerback.inbound.storing import Storing  # noqa: E402
from answerback.outbound import enqueue  # noqa: E402
from answerback.outbound.models import Attempt, Delivery, DeliveryEvent, DkimKey  # noqa: E402
from answerback.people import identities  # noqa: E402
from answerback.tickets import participants, update  # noqa: E402
from answerback.tickets.changes import NewComment, NewTicket  # noqa: E402
from answerback.tickets.models import Participant, SupportAddress, Ticket  # noqa: E402
from answerback.workers import deliver  # noqa: E402
from mailroom.dkim_signing import Algorithm, make_private_key  # noqa: E402
from mailroom.smtp.options import Options  # noqa: E402
from mailroom.smtp.route import relay  # noqa: E402
from mailroom.smtp.session import Transport  # noqa: E402
from mailroom.smtp.wire import Envelope  # noqa: E402
from mailroom.states import State  # noqa: E402

TICKETS = 100
WARM_UP = 200  # mails
TOGETHER = 20  # mails written in one transaction, as by a bulk action
CONNECTIONS = 10
BATCH = 40  # envelopes that a session is handed at once
LINE = "<p>The quick brown fox jumps over the lazy dog: größer als „das Fass“.</p>\n"
WAITING = (State.QUEUED, State.SENDING, State.DEFERRED)


def prepare() -> None:
    call_command("migrate", verbosity=0)
    support = SupportAddress.objects.create(
        name="Acme Support", address="support@acme.test", normal="support@acme.test", created_at=clock.now()
    )
    for number in range(TICKETS):
        clara = identities.find_or_create(f"clara+{number}@customer.test", "Clara Customer", "en").person
        comment = NewComment(author=clara, public=True, text="It burns. Please help.")
        update.create(NewTicket("Printer on fire", clara, clara, support, "email", comment))
    for algorithm in Algorithm:
        DkimKey.objects.create(
            domain="acme.test", selector=algorithm.name, private=make_private_key(algorithm), made_at=clock.now()
        )


def write(mails: str, size: str, sign: str, together: str) -> None:
    """Writes when told to, waits until every outcome is stored, and prints the seconds that both took.

    Some mail goes before, as it does through Postfix: what a worker loads for its first one is no part of the way.
    """
    DkimKey.objects.filter(selector=sign).update(in_use_since=clock.now())
    DkimKey.objects.exclude(selector=sign).update(in_use_since=None)
    notifications = [_notification(number, int(size)) for number in range(int(mails))]
    _write([_notification(number, int(size)) for number in range(WARM_UP)])
    _wait_for_outcomes()
    last = _last()
    _when_told(lambda: _write(notifications, int(together)), last, len(notifications))


def wait(mails: str, size: str) -> None:
    """The same of mail that is written before."""
    DkimKey.objects.update(in_use_since=None)
    last = _last()
    _write([_notification(number, int(size)) for number in range(int(mails))])
    _when_told(lambda: None, last, int(mails))


def fill(mails: str, size: str) -> None:
    """Lets mail wait: up to a thousand messages, and as many deliveries of them as are wanted."""
    wanted = int(mails)
    _write([_notification(number, int(size)) for number in range(min(wanted, 1000))])
    columns = ", ".join(field.column for field in Delivery._meta.concrete_fields if not field.primary_key)
    while (missing := wanted - Delivery.objects.count()) > 0:
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO outbound_delivery ({columns}) SELECT {columns} FROM outbound_delivery LIMIT %s", [missing]
            )


def count() -> None:
    """Prints how many mails were accepted."""
    print(Delivery.objects.filter(state=State.ACCEPTED).count(), flush=True)


def _when_told(work: Callable[[], None], last: int, mails: int) -> None:
    print("ready", flush=True)
    sys.stdin.readline()
    began = time.perf_counter()
    work()
    _wait_for_outcomes()
    took = time.perf_counter() - began
    accepted = Delivery.objects.filter(pk__gt=last, state=State.ACCEPTED).count()
    told = DeliveryEvent.objects.filter(delivery_id__gt=last).count()
    tried = Attempt.objects.filter(delivery_id__gt=last, outcome="accepted").count()
    if (accepted, told, tried) != (mails, mails, mails):
        raise AssertionError(f"of {mails} mails {accepted} were accepted, {told} told, {tried} tried")
    print(took, flush=True)


def _wait_for_outcomes() -> None:
    while Delivery.objects.filter(state__in=WAITING).exists():
        time.sleep(0.05)


def _last() -> int:
    return Delivery.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def _write(notifications: list[enqueue.Notification], together: int = TOGETHER) -> None:
    for start in range(0, len(notifications), together):
        with transaction.atomic():
            enqueue.enqueue(notifications[start : start + together])


def _notification(number: int, size: int) -> enqueue.Notification:
    """An answer with a text and a long HTML part of its own."""
    ticket, recipient = _tickets()[number % TICKETS]
    return enqueue.Notification(
        kind="answer",
        ticket=ticket,
        support_address=ticket.support_address,
        subject=f"Re: Printer on fire, once more and for the {number}th time",
        text=f"Use the blue bucket, says Ada for the {number}th time.\n",
        html=f"<p>Number {number}</p>\n" + LINE * max(1, (size - 1500) // 95),
        language="en",
        author_name="Ada Agent",
        auto_submitted=False,
        recipients=[recipient],
    )


_known: list[tuple[Ticket, enqueue.Recipient]] = []


def _tickets() -> list[tuple[Ticket, enqueue.Recipient]]:
    if not _known:
        for ticket in Ticket.objects.select_related("requester", "support_address").order_by("pk")[:TICKETS]:
            participant = participants.ensure(ticket, ticket.requester, Participant.Role.REQUESTER)
            identity = identities.primary_of(ticket.requester)
            _known.append((ticket, enqueue.Recipient(ticket.requester, identity, participant, "to")))
    return _known


def deliver_until_told() -> None:
    """The worker, until the input ends."""
    running.run({"deliver": _deliver})


async def _deliver(stop: asyncio.Event) -> None:
    hub = live.Hub()
    await hub.start()
    worker = asyncio.create_task(deliver.run(stop, hub))
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    stop.set()
    await worker
    await hub.stop()


def receive(port: str) -> None:
    """The doorway, until the input ends."""
    uvloop.run(_receive(int(port)))


async def _receive(port: int) -> None:
    storing = Storing()
    doorway = Doorway(storing)
    await doorway.start("127.0.0.1", port)
    await asyncio.to_thread(sys.stdin.read)
    await doorway.stop()
    await storing.close()


def transport(port: str, mails: str, size: str) -> None:
    """The SMTP client alone; prints the seconds that it took."""
    print("ready", flush=True)
    sys.stdin.readline()
    print(uvloop.run(_transport(int(port), int(mails), int(size))), flush=True)


async def _transport(port: int, mails: int, size: int) -> float:
    route = relay(f"smtp://127.0.0.1:{port}?tls=none")
    line = b"The quick brown fox jumps over the lazy dog, ticket body.\r\n"
    content = b"From: a@example.test\r\nTo: b@example.test\r\nSubject: x\r\n\r\n" + line * (size // len(line))
    numbers = counting()
    taken = 0

    async def carry() -> None:
        nonlocal taken
        session = Transport(route, Options(helo_name="benchmark.example.test"))
        while (first := next(numbers) * BATCH) < mails:
            batch = [
                Envelope(number, "a@example.test", "b@example.test", content)
                for number in range(first, min(first + BATCH, mails))
            ]
            async for _, report in session.send(batch):
                taken += report.reply_code == 250
        await session.close()

    began = time.perf_counter()
    await asyncio.gather(*(carry() for _ in range(CONNECTIONS)))
    took = time.perf_counter() - began
    if taken != mails:
        raise AssertionError(f"{taken} of {mails} were taken")
    return took


VERBS: dict[str, Callable[..., None]] = {
    "prepare": prepare,
    "write": write,
    "wait": wait,
    "fill": fill,
    "count": count,
    "deliver": deliver_until_told,
    "receive": receive,
    "transport": transport,
}

if __name__ == "__main__":
    VERBS[sys.argv[1]](*sys.argv[2:])
