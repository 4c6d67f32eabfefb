"""The list of suppressed addresses, and mail to agents that did not arrive."""

from __future__ import annotations

import csv
import io
import re

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from tests.world import World

from answerback.core import clock
from answerback.outbound.models import Delivery
from answerback.people import identities
from answerback.people.models import DeliverabilityEntry, Identity, Person

UNKNOWN = "550 5.1.1 User unknown"
FULL = "552 5.2.2 Mailbox full"
LIST = "/delivery/suppressed"


def suppress(world: World, person: Person) -> Identity:
    """The person's address turns out not to exist."""
    ticket = world.ticket(ccs=[person] if person != world.clara else [])
    world.answer(ticket)
    world.outcome(world.delivery_to(person), UNKNOWN)
    return Identity.objects.get(person=person)


def complain(identity: Identity) -> None:
    DeliverabilityEntry.objects.create(identity=identity, kind="complaint", at=clock.now())


def listed(page: str) -> list[int]:
    return [int(pk) for pk in re.findall(r'data-suppressed="(\d+)"', page)]


def test_a_suppressed_address_stands_there_with_its_cause(world: World, ada: Client, bruno: Client) -> None:
    identity = suppress(world, world.clara)
    english, german = ada.get(LIST).text, bruno.get(LIST).text
    assert listed(english) == [identity.pk]
    for words in ("clara@customer.test", "Clara Customer", "Address does not exist", "550 5.1.1", "never"):
        assert words in english
    for words in ("Unzustellbare Adressen", "Adresse existiert nicht", "Als zustellbar markieren"):
        assert words in german


def test_it_can_be_searched_and_narrowed_to_a_cause(world: World, ada: Client) -> None:
    clara, deniz = suppress(world, world.clara), suppress(world, world.deniz)
    assert listed(ada.get(LIST, {"q": "deniz"}).text) == [deniz.pk]
    assert listed(ada.get(LIST, {"q": "Clara Cust"}).text) == [clara.pk]
    assert listed(ada.get(LIST, {"cause": "address_unknown"}).text) == [deniz.pk, clara.pk]
    assert "No undeliverable address fits" in ada.get(LIST, {"cause": "mailbox_full"}).text


def test_an_agent_takes_an_address_off_and_is_led_to_what_was_held(world: World, ada: Client) -> None:
    identity = suppress(world, world.clara)
    ticket = world.ticket()
    world.answer(ticket)  # held at once
    page = ada.post(f"{LIST}/undo", {"identity": identity.pk, "note": "She called"}, follow=True).text
    assert listed(page) == []
    assert "1 mail to it is still held." in page
    assert "recipient%3Aclara%40customer.test+delivery%3Aopen" in page
    assert identity.ledger.get(kind="marked_deliverable").note == "She called"


def test_after_a_complaint_a_reason_is_needed_and_somebody_who_says_so(world: World, ada: Client) -> None:
    identity = suppress(world, world.clara)
    complain(identity)
    assert "Reported our mail as spam" in ada.get(LIST).text
    for given in ({}, {"note": "She called"}, {"despite_complaint": "1"}):
        page = ada.post(f"{LIST}/undo", {"identity": identity.pk, **given}, follow=True).text
        assert "Somebody there reported our mail as spam" in page
        assert listed(page) == [identity.pk]
    ada.post(f"{LIST}/undo", {"identity": identity.pk, "note": "She called", "despite_complaint": "1"})
    identity.refresh_from_db()
    assert not identities.is_suppressed(identity)


def test_the_list_as_a_file_holds_no_formula(world: World, ada: Client) -> None:
    world.clara.name = "=HYPERLINK(0)"
    world.clara.save()
    suppress(world, world.clara)
    response = ada.get(f"{LIST}.csv")
    assert response.headers["Content-Disposition"] == 'attachment; filename="suppressed.csv"'
    [row] = csv.DictReader(io.StringIO(response.content.decode("utf-8-sig")))
    assert (row["address"], row["name"], row["cause"], row["smtp_code"]) == (
        "clara@customer.test", "'=HYPERLINK(0)", "address_unknown", "550",
    )  # fmt: skip


def test_many_addresses_cost_no_more_queries_than_few(world: World, ada: Client) -> None:
    suppress(world, world.clara)
    ada.get(LIST)
    with CaptureQueriesContext(connection) as few:
        ada.get(LIST)
    for number in range(5):
        suppress(world, identities.find_or_create(f"nobody{number}@customer.test").person)
    with CaptureQueriesContext(connection) as many:
        assert len(listed(ada.get(LIST).text)) == 6
    assert len(many) <= len(few)


def test_nothing_suppressed_is_said_kindly(world: World, ada: Client) -> None:
    assert "No address is marked undeliverable" in ada.get(LIST).text


def mail_to_ada_fails(world: World, text: str) -> Delivery:
    ticket = world.ticket()
    world.answer(ticket)
    world.outcome(world.delivery_to(world.clara), FULL)
    mail = world.delivery_to(world.ada.person)
    world.outcome(mail, text)
    return mail


def test_mail_to_agents_that_failed_stands_with_the_admin_and_on_the_agents_profile(
    world: World, ada: Client, bruno: Client
) -> None:
    mail = mail_to_ada_fails(world, FULL)
    mark = f'data-delivery="{mail.pk}"'
    assert mark in bruno.get("/delivery/agents").text
    assert "Mailbox full" in ada.get("/profile").text or "mailbox full" in ada.get("/profile").text
    assert mark in ada.get("/profile").text
    assert mark not in bruno.get("/profile").text
    assert ada.get("/delivery/agents").status_code == 403


def test_an_agent_whose_own_address_is_suppressed_can_mend_that(world: World, ada: Client) -> None:
    mail_to_ada_fails(world, UNKNOWN)
    assert "We do not write to ada@acme.test: address does not exist" in ada.get("/profile").text
    identity = Identity.objects.get(person=world.ada.person)
    response = ada.post(f"{LIST}/undo", {"identity": identity.pk, "next": "/profile#missed"})
    assert response.headers["Location"] == "/profile#missed"
    assert "We do not write to" not in ada.get("/profile").text
