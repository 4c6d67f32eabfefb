"""A dry run tells what would happen, and nothing of it happens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings as product
from django.db import connection
from tests.world import World, make_world

from answerback.core.db import is_postgresql
from answerback.core.models import LiveChange
from answerback.desk import change
from answerback.desk.composing import new_ticket
from answerback.desk.composing.reply import EmptyCommentError, Reply, comment_of, reply
from answerback.desk.running_rules import dry_run
from answerback.desk.running_rules.dry_run import FieldChange, Outcome
from answerback.people.models import Identity
from answerback.tickets.changes import Changes, NewTicket
from answerback.tickets.models import Ticket


def rows() -> dict[str, int]:
    """How many rows each table holds."""
    return {model._meta.label: model._default_manager.count() for model in apps.get_models()}


def files() -> set[Path]:
    return set(Path(product.DATA_DIR).rglob("*"))


def answer_of_ada(world: World, ticket: Ticket, text: str = "Use the blue bucket.") -> Outcome:
    return dry_run.play(lambda: reply(ticket.pk, Reply(text=text, public=True), world.ada), ticket.pk)


def fates(outcome: Outcome) -> list[tuple[str, str, str, str]]:
    return [(mail.kind, one.address, one.role, one.fate) for mail in outcome.mails for one in mail.recipients]


def test_an_answer_is_told_and_not_given(world: World) -> None:
    ticket = world.ticket(ccs=[world.deniz])
    before, stored = rows(), files()
    outcome = answer_of_ada(world, ticket)
    assert fates(outcome) == [
        ("answer", "clara@customer.test", "to", "sent"),
        ("answer", "deniz@customer.test", "cc", "sent"),
    ]
    [mail] = outcome.mails
    assert (mail.trigger_title, mail.subject) == ("Notify requester and CCs of comment update", "Re: Printer on fire")
    assert outcome.changes == (
        FieldChange("status", "new", "open"),
        FieldChange("assignee_id", "", world.ada.pk, "Auto-assign to first responding agent"),
    )
    assert [(one.author, one.public, one.text) for one in outcome.comments] == [
        ("Ada Agent", True, "Use the blue bucket.")
    ]
    ticket.refresh_from_db()
    assert (ticket.status, ticket.assignee) == ("new", None)
    assert (rows(), files()) == (before, stored)


def test_what_is_told_is_what_happens(world: World) -> None:
    ticket = world.ticket(ccs=[world.deniz])
    told = answer_of_ada(world, ticket)
    world.answer(ticket)
    done = [(row.kind, row.recipient, row.role, "sent") for row in ticket.deliveries.order_by("id")]
    assert fates(told) == done


def test_who_would_not_be_reached(world: World, settings) -> None:
    ticket = world.ticket(ccs=[world.deniz])
    world.answer(ticket)
    world.outcome(world.delivery_to(world.clara), "550 5.1.1 User unknown")
    Identity.objects.filter(person=world.deniz).delete()
    assert fates(answer_of_ada(world, ticket, "Again")) == [
        ("answer", "clara@customer.test", "to", "suppressed"),
        ("answer", "", "cc", "no_address"),
    ]


def test_automatic_mail_beyond_the_cap(world: World, settings) -> None:
    settings.AUTOMATIC_PER_HOUR = 0
    new = NewTicket(
        "Help", world.clara, world.clara, world.support, "email",
        comment=comment_of(world.clara, Reply(text="It burns", public=True)),
    )  # fmt: skip
    outcome = dry_run.play(lambda: new_ticket.open_ticket(new))
    assert fates(outcome) == [("automatic", "clara@customer.test", "to", "capped")]
    assert not Ticket.objects.exists()


def test_mail_to_agents(world: World) -> None:
    ticket = world.ticket()
    outcome = dry_run.play(lambda: change.change(ticket.pk, Changes(assignee=world.bruno), world.ada), ticket.pk)
    assert fates(outcome) == [("agent", "bruno@acme.test", "to", "sent")]


def test_nothing_would_happen(world: World) -> None:
    ticket = world.ticket()
    assert dry_run.play(lambda: change.change(ticket.pk, Changes(status="new"), world.ada), ticket.pk) == Outcome()


def test_what_goes_wrong_is_raised(world: World) -> None:
    ticket = world.ticket()
    with pytest.raises(EmptyCommentError):
        answer_of_ada(world, ticket, " ")
    with pytest.raises(Ticket.DoesNotExist):
        dry_run.play(lambda: None, 4711)


@pytest.mark.django_db(transaction=True)
def test_nobody_hears_of_it() -> None:
    """In a transaction of its own, not within a test's."""
    world = make_world()
    ticket = world.ticket()
    before = rows()
    with listening() as heard:
        answer_of_ada(world, ticket)
        assert rows() == before
        assert not heard()
        change.change(ticket.pk, Changes(priority="high"), world.ada)
        assert heard()


@contextmanager
def listening() -> Iterator[Callable[[], bool]]:
    """Was anything published? On SQLite that is a row, PostgreSQL tells whoever listens."""
    if not is_postgresql():
        known = LiveChange.objects.count()
        yield lambda: LiveChange.objects.count() > known
        return
    with connection.cursor() as cursor:
        cursor.execute("LISTEN answerback")
        link: Any = connection.connection
        list(link.notifies(timeout=0.2))
        yield lambda: bool(list(link.notifies(timeout=0.3, stop_after=1)))
        cursor.execute("UNLISTEN answerback")
