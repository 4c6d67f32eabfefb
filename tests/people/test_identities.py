"""Addresses of people: found, added, corrected, suppressed, believed again."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from tests.world import World

from answerback.core import clock, db
from answerback.people import identities
from answerback.people.models import DeliverabilityEntry, Identity

START = datetime(2026, 3, 2, tzinfo=UTC)


def fail(identity: Identity, event_id: int, cause: str = "address_unknown", permanent: bool = True) -> Identity:
    identities.record_failure(
        identity.pk, event_id, clock.now(), cause=cause, permanent=permanent, smtp_code=550, enhanced_code="5.1.1"
    )
    identity.refresh_from_db()
    return identity


@pytest.fixture
def clara(world: World) -> Identity:
    return world.clara.identities.get()


def test_one_person_for_every_spelling(world: World) -> None:
    found = identities.find_or_create("Clara@CUSTOMER.test", "Somebody")
    assert found.person == world.clara


@pytest.mark.parametrize(
    "address", ["", "clara", "clara@", "@x.test", "cl ara@x.test", "clara@x..test", "a@b\r\nc.test"]
)
def test_what_is_no_address_is_refused(world: World, address: str) -> None:
    with pytest.raises(identities.BadAddressError):
        identities.find_or_create(address)


def test_only_one_primary_address(world: World, clara: Identity) -> None:
    second = identities.add(world.clara, "clara@home.test", world.ada, primary=True)
    assert list(world.clara.identities.filter(primary=True)) == [second]
    assert identities.primary_of(world.clara) == second


def test_address_of_somebody_else_is_refused(world: World, clara: Identity) -> None:
    with pytest.raises(identities.AddressTakenError) as refused:
        identities.add(world.deniz, "clara@customer.test", world.ada)
    assert refused.value.identity == clara
    with pytest.raises(identities.AddressTakenError):
        identities.correct(clara, "deniz@customer.test", world.ada)


def test_suppression_ends_by_itself(clara: Identity) -> None:
    fail(clara, 1)
    assert identities.is_suppressed(clara)
    with clock.at(clock.now() + timedelta(days=31)):
        assert not identities.is_suppressed(clara)
        assert identities.end_suppressions() == 1
    clara.refresh_from_db()
    assert (clara.deliverability, clara.cause) == ("unknown", "")


def test_suppression_ends_with_a_success(clara: Identity) -> None:
    fail(clara, 1)
    identities.record_success(clara.pk, 2, clock.now())
    clara.refresh_from_db()
    assert clara.deliverability == "deliverable"


def test_suppression_ends_with_a_corrected_address(world: World, clara: Identity) -> None:
    fail(clara, 1)
    corrected = identities.correct(clara, "clara.c@customer.test", world.ada)
    assert not identities.is_suppressed(corrected)
    assert DeliverabilityEntry.objects.get(kind="corrected").note == "clara@customer.test → clara.c@customer.test"


def test_suppression_ends_when_an_agent_says_so(world: World, clara: Identity) -> None:
    fail(clara, 1)
    identities.mark_deliverable(clara, world.ada, "she called")
    assert not identities.is_suppressed(clara)


def test_each_event_counts_once(clara: Identity) -> None:
    fail(clara, 1)
    identities.record_success(clara.pk, 2, clock.now())
    fail(clara, 1)
    assert clara.deliverability == "deliverable"
    assert clara.ledger.count() == 2


def fail_daily(identity: Identity, first: int, days: int, cause: str = "mailbox_full") -> Identity:
    """On so many days from `first` on, twice a day."""
    for day in range(first, first + days):
        for hour in (6, 18):
            with clock.at(START + timedelta(days=day, hours=hour)):
                fail(identity, 100 * day + hour, cause, permanent=False)
    return identity


@pytest.mark.parametrize("cause", ["spam_content", "auth_policy", "message_too_big", "unknown"])
def test_what_is_not_the_addresss_fault_suppresses_nothing(clara: Identity, cause: str) -> None:
    assert fail_daily(clara, 0, 12, cause).deliverability == "unknown"


def test_a_hard_cause_that_nobody_calls_final_suppresses_nothing(clara: Identity) -> None:
    assert fail(clara, 1, permanent=False).deliverability == "unknown"


def test_a_full_mailbox_suppresses_on_the_tenth_day(clara: Identity) -> None:
    assert fail_daily(clara, 0, 9).deliverability == "unknown"
    fail_daily(clara, 9, 1)
    assert (clara.deliverability, clara.cause) == ("suppressed", "mailbox_full")
    with clock.at(START + timedelta(days=39)):
        assert identities.is_suppressed(clara)
    with clock.at(START + timedelta(days=40)):
        assert not identities.is_suppressed(clara)


def test_after_a_suppression_ten_more_days_are_needed(clara: Identity) -> None:
    fail_daily(clara, 0, 10)
    with clock.at(START + timedelta(days=45)):
        identities.end_suppressions()
    clara.refresh_from_db()
    assert fail_daily(clara, 46, 9).deliverability == "unknown"
    assert fail_daily(clara, 60, 1).deliverability == "suppressed"


def test_one_success_or_a_word_of_an_agent_begins_the_count_anew(world: World, clara: Identity) -> None:
    fail_daily(clara, 0, 9)
    with clock.at(START + timedelta(days=9)):
        identities.record_success(clara.pk, 5000, clock.now())
    clara.refresh_from_db()
    assert fail_daily(clara, 10, 9).deliverability == "deliverable"
    with clock.at(START + timedelta(days=20)):
        identities.mark_deliverable(clara, world.ada, "she called")
    assert fail_daily(clara, 21, 9).deliverability == "unknown"


def test_severity_only_rises(clara: Identity) -> None:
    fail_daily(clara, 0, 10)
    with clock.at(START + timedelta(days=12)):
        assert fail(clara, 5000).cause == "address_unknown"
        until = clara.until
    assert fail_daily(clara, 13, 12).cause == "address_unknown"
    assert clara.until == until


@pytest.mark.django_db(transaction=True)
def test_an_answer_to_an_address_does_not_wait_for_its_ledger(clara: Identity) -> None:
    """Else `react` (address, then ticket) and an answer (ticket, then a delivery to the address) block each other."""
    if not db.is_postgresql():
        pytest.skip("only PostgreSQL locks rows")
    other = connection.copy()
    with transaction.atomic(), closing(other):
        fail(clara, 1)
        with other.cursor() as cursor:  # the lock that a row with a foreign key takes
            cursor.execute("SELECT 1 FROM people_identity WHERE id = %s FOR KEY SHARE NOWAIT", [clara.pk])
            assert cursor.fetchone()
