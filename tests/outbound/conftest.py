"""A ticket of Clara's that Ada answers, and Deniz gets a copy: what tests of the outbox begin with.

The cast is that of tests/world.py, made without the desk: the outbox knows nothing of it.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from answerback.core import clock
from answerback.outbound import enqueue
from answerback.outbound.models import Delivery, Message
from answerback.people import accounts, identities
from answerback.people.models import Account, Person
from answerback.tickets import participants, update
from answerback.tickets.changes import NewComment, NewTicket
from answerback.tickets.models import Participant, SupportAddress, Ticket

Outbox = Callable[..., list[Delivery]]


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that is a coroutine in an event loop of its own; its database thread lets go afterwards."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in inspect.signature(pyfuncitem.obj).parameters}
    asyncio.run(_play(pyfuncitem.obj(**arguments)))
    return True


async def _play(story: Awaitable[None]) -> None:
    try:
        await story
    finally:
        await sync_to_async(connections.close_all)()


@dataclass
class World:
    support: SupportAddress
    ada: Account
    clara: Person
    deniz: Person
    outsider: Person


@pytest.fixture(autouse=True)
def relay(settings: object) -> None:
    settings.RELAY_URL = "smtp://relay.test:2525"  # type: ignore[attr-defined]


@pytest.fixture
def world(db: None) -> World:
    return make_world()


def make_world() -> World:
    return World(
        support=SupportAddress.objects.create(
            name="Acme Support", address="support@acme.test", normal="support@acme.test", created_at=clock.now()
        ),
        ada=accounts.create("ada@acme.test", "Ada Agent", "correct horse battery", language="en"),
        clara=identities.find_or_create("clara@customer.test", "Clara Customer", "en").person,
        deniz=identities.find_or_create("deniz@customer.test", "Deniz Demir", "en").person,
        outsider=identities.find_or_create("eve@elsewhere.test", "Eve Else", "en").person,
    )


def make_ticket(world: World) -> Ticket:
    comment = NewComment(author=world.clara, public=True, text="It burns. Please help.")
    new = NewTicket("Printer on fire", world.clara, world.clara, world.support, "email", comment, ccs=[world.deniz])
    return update.create(new).ticket


@pytest.fixture
def ticket(world: World) -> Ticket:
    return make_ticket(world)


def notification(
    world: World, ticket: Ticket, people: list[Person], kind: str = "answer", **changes: object
) -> Message | None:
    """Put a notification into the outbox as the desk does, without its triggers."""
    recipients = [
        enqueue.Recipient(
            person,
            identities.primary_of(person),
            participants.ensure(ticket, person, Participant.Role.CC if number else Participant.Role.REQUESTER),
            "cc" if number else "to",
        )
        for number, person in enumerate(people)
    ]
    fields: dict[str, object] = {
        "kind": kind,
        "ticket": ticket,
        "support_address": world.support,
        "subject": "Re: Printer on fire",
        "text": "Use the blue bucket.",
        "language": "en",
        "author_name": "Ada Agent",
        "auto_submitted": kind != "answer",
        "recipients": recipients,
    }
    written = enqueue.enqueue([enqueue.Notification(**(fields | changes))])  # type: ignore[arg-type]
    return written[0] if written else None


@pytest.fixture
def outbox(world: World, ticket: Ticket) -> Outbox:
    """`outbox([person, …], kind="answer")` gives the new deliveries, in the order of the people."""

    def fill(people: list[Person] | None = None, **changes: object) -> list[Delivery]:
        message = notification(world, ticket, people or [world.clara, world.deniz], **changes)  # type: ignore[arg-type]
        return list(Delivery.objects.filter(message=message).order_by("id")) if message else []

    return fill
