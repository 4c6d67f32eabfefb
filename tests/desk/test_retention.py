"""Closed tickets go when their time is over, with all that hangs on them; nothing before, and by default nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path

import pytest
from django.apps import apps
from django.db.models import Model
from tests.desk.test_intake import Desk
from tests.world import World

from answerback.core import clock
from answerback.desk.change import change
from answerback.desk.composing import uploads
from answerback.desk.composing.new_ticket import open_ticket
from answerback.desk.composing.reply import Reply, comment_of, reply
from answerback.desk.keeping import removal, retention
from answerback.desk.keeping.retention import Limits
from answerback.desk.merging import merge_tickets
from answerback.outbound.models import Delivery, Message
from answerback.people import identities
from answerback.people.models import Identity, Person
from answerback.search import query
from answerback.search.find import tickets as found
from answerback.store import blobs, raw
from answerback.store.models import Blob, RawMail
from answerback.tickets.changes import Changes, NewTicket
from answerback.tickets.models import Attachment, Ticket
from mailroom.states import State

REFUSED = "550 5.1.1 User unknown"
A_YEAR = Limits(days=365)


@pytest.fixture(autouse=True)
def data_folder(data_dir: Path) -> Path:
    return data_dir


def later(days: float) -> AbstractContextManager[None]:
    return clock.at(clock.now() + timedelta(days=days))


def close(world: World, ticket: Ticket) -> Ticket:
    change(ticket.pk, Changes(status="closed"), world.ada)
    ticket.refresh_from_db()
    return ticket


def forget() -> int:
    """As the tidying worker does it, with time for all of it."""
    return retention.forget_tickets(seconds=30) + retention.forget_rest(seconds=30)


def storied_ticket(world: World) -> Ticket:
    """By mail, with files in both directions, an answer that failed, and the report about it."""
    big = b"A large plan. " * 30_000
    content = (
        b"From: Clara Customer <clara@customer.test>\r\nTo: support@acme.test\r\nSubject: Zebra plans\r\n"
        b"Message-ID: <zebra@customer.test>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
        b"--x\r\n\r\nSee the zebra.\r\n--x\r\nContent-Type: application/pdf; name=plan.pdf\r\n"
        b"Content-Disposition: attachment; filename=plan.pdf\r\n\r\n" + big + b"\r\n--x--\r\n"
    )
    received = Desk(world).get(content=content)
    received.refresh_from_db()
    ticket = Ticket.objects.get(pk=received.ticket_id)
    arrive(world)
    file = uploads.keep(b"An offer", "offer.txt", "text/plain")
    reply(ticket.pk, Reply(text="Here is the offer.", public=True, attachments=[file]), world.ada)
    world.outcome(world.delivery_to(world.clara), REFUSED)
    arrive(world)
    return ticket


def arrive(world: World) -> None:
    """All that waits is taken."""
    for waiting in Delivery.objects.filter(state=State.QUEUED).order_by("id"):
        world.outcome(waiting, "250 2.0.0 Ok")


def rows() -> dict[str, int]:
    """Of every table that a ticket fills."""
    models: Iterator[type[Model]] = (model for app in APPS for model in apps.get_app_config(app).get_models())
    return {model.__name__: model._default_manager.count() for model in models}


APPS = ("tickets", "outbound", "search", "store", "desk")


def files(folder: Path) -> list[Path]:
    return [path for path in (folder / "blobs").rglob("*") if path.is_file()]


def test_everything_of_a_ticket_goes_and_nothing_else(world: World, data_folder: Path) -> None:
    kept = close(world, world.ticket("Kept"))
    before = rows()
    ticket = close(world, storied_ticket(world))
    assert len(files(data_folder)) == Blob.objects.count() == 3, "the mail, its file, and the offer"
    assert list(found(query.parse("zebra", world.ada))) == [ticket]
    removal.remove(ticket.pk)
    assert blobs.remove_let_go() == 3
    assert rows() | {"LiveChange": 0} == before | {"LiveChange": 0}
    assert not files(data_folder)
    assert not list(found(query.parse("zebra", world.ada)))
    assert list(Ticket.objects.all()) == [kept]


def test_a_file_that_something_else_names_stays(world: World, data_folder: Path) -> None:
    ticket, other = storied_ticket(world), world.ticket("Other")
    shared = Attachment.objects.get(file_name="offer.txt")
    comment = other.comments.get()
    Attachment.objects.create(
        comment=comment, token="another", blob=shared.blob, file_name="offer.txt", content_type="text/plain",
        size=shared.size, created_at=clock.now(),
    )  # fmt: skip
    removal.remove(ticket.pk)
    assert blobs.remove_let_go() == 2
    assert blobs.read(Blob.objects.get()) == b"An offer"
    assert blobs.remove_let_go() == 0, "and it is looked at once"


def test_for_ever_unless_somebody_says_otherwise(world: World) -> None:
    close(world, world.ticket())
    with later(20_000):
        assert retention.foresee(retention.limits()).nothing
        assert forget() == 0
    assert Ticket.objects.count() == 1


def test_the_clock_begins_when_a_ticket_is_closed(world: World) -> None:
    old = close(world, world.ticket("Old"))
    with later(100):
        young = close(world, world.ticket("Young"))
    solved = world.ticket("Solved")
    change(solved.pk, Changes(status="solved"), world.ada)
    retention.set_limits(A_YEAR)
    with later(364.9):
        assert forget() == 0
    with later(365.1):
        assert retention.foresee(A_YEAR).tickets == 1
        assert retention.foresee(A_YEAR).oldest == old.status_at
        assert forget() == 1
    assert set(Ticket.objects.all()) == {young, solved}


def test_what_still_has_to_go_out_is_waited_for(world: World) -> None:
    ticket = world.ticket()
    world.answer(ticket)
    close(world, ticket)
    retention.set_limits(A_YEAR)
    with later(400):
        assert retention.foresee(A_YEAR).tickets == 0
        world.outcome(world.delivery_to(world.clara), "250 2.0.0 Ok")
        assert retention.foresee(A_YEAR).tickets == 1


def test_a_mail_that_is_being_sent_is_not_torn_away(world: World) -> None:
    ticket = world.ticket()
    world.answer(ticket)
    Delivery.objects.update(state=State.SENDING)
    with pytest.raises(removal.MailUnderWayError):
        removal.remove(ticket.pk)
    assert Message.objects.exists()


def test_a_merged_ticket_leads_on_as_long_as_the_other_is_there(world: World) -> None:
    target, other = world.ticket("Target"), world.ticket("Other")
    merge_tickets.merge([other.pk], target.pk, world.ada)
    retention.set_limits(A_YEAR)
    with later(400):
        assert forget() == 0, "replies to its mail join the target"
        close(world, target)
    with later(800):
        assert forget() == 2
    assert not Ticket.objects.exists()


def test_customers_go_with_their_last_ticket_if_wanted(world: World) -> None:
    close(world, storied_ticket(world))
    open_ticket(
        NewTicket("Still here", world.deniz, world.ada.person, world.support, "web",
                  comment=comment_of(world.ada.person, Reply(text="Hello", public=False)))
    )  # fmt: skip
    retention.set_limits(Limits(days=365))
    with later(400):
        forget()
        assert Person.objects.filter(name__in=["Clara Customer", "Deniz Demir", "Eve Else"]).count() == 3
        retention.set_limits(Limits(days=365, people=True))
        forget()
    left = set(Person.objects.values_list("name", flat=True))
    assert {"Deniz Demir", "Ada Agent", "Bruno Lead"} <= left
    assert not {"Clara Customer", "Eve Else"} & left


def test_an_undeliverable_address_stays_known(world: World) -> None:
    retention.set_limits(Limits(days=10, people=True))
    ticket = close(world, storied_ticket(world))
    with later(11):
        forget()
        assert not Ticket.objects.filter(pk=ticket.pk).exists()
        assert identities.is_suppressed(Identity.objects.get(address="clara@customer.test"))
        assert not Person.objects.filter(name="Eve Else").exists()


def test_mail_of_no_ticket_goes_by_the_same_clock(world: World) -> None:
    orphan = raw.save(b"Subject: report\r\n\r\n", doorway="smtp")
    raw.settle(orphan.pk, RawMail.State.REPORT, kind="dsn")
    unread = raw.save(b"Subject: x\r\n\r\n", doorway="smtp")
    retention.set_limits(A_YEAR)
    with later(366):
        assert retention.foresee(A_YEAR).mails == 1
        forget()
    assert list(RawMail.objects.values_list("pk", flat=True)) == [unread.pk]


@pytest.mark.parametrize("days", [-1, retention.MOST_DAYS + 1])
def test_a_limit_that_cannot_be_meant(world: World, days: int) -> None:
    with pytest.raises(ValueError, match=str(days)):
        retention.set_limits(Limits(days=days))
