"""Two people turn out to be one: what goes over, what stays, where replies and links go."""

from __future__ import annotations

import threading

import pytest
from django.db import connection
from django.test import Client
from tests.desk.test_intake import Desk
from tests.desk.test_merge_tickets import token_address
from tests.world import World, make_world

from answerback.desk.merging import merge_people
from answerback.outbound.models import Delivery
from answerback.people import identities, merging
from answerback.people.merging import CannotMergeError
from answerback.people.models import Identity, Person, PersonMerge
from answerback.search import query
from answerback.search.find import tickets
from answerback.tickets.models import Comment, Participant, Ticket

UNKNOWN = "550 5.1.1 User unknown"


def test_everything_of_the_one_goes_over(world: World) -> None:
    ticket = world.ticket(ccs=[world.deniz])
    world.answer(ticket)
    world.outcome(world.delivery_to(world.deniz), UNKNOWN)
    world.deniz.phone, world.deniz.notes = "+49 30 1", "Likes cake"
    world.deniz.save()
    merge_people.merge(world.deniz.pk, world.outsider.pk, world.ada)
    eve = Person.objects.get(pk=world.outsider.pk)
    assert {row.address: row.primary for row in eve.identities.all()} == {
        "eve@elsewhere.test": True,
        "deniz@customer.test": False,
    }
    moved = Identity.objects.get(normal="deniz@customer.test")
    assert moved.deliverability == "suppressed", "what is known of an address comes along"
    assert moved.ledger.count() == 1
    assert (eve.phone, eve.notes) == ("+49 30 1", "Likes cake\nDeniz Demir")
    assert Participant.objects.get(ticket=ticket, role="cc").person == eve
    assert Delivery.objects.get(recipient="deniz@customer.test").person == eve
    assert list(tickets(query.parse("eve@elsewhere.test", world.ada))) == [ticket]


def test_no_row_still_points_at_the_one_who_is_gone(world: World) -> None:
    ticket = world.ticket(ccs=[world.deniz])
    world.answer(ticket)
    merge_people.merge(world.clara.pk, world.deniz.pk, world.ada)
    left = {
        f"{relation.related_model.__name__}.{relation.field.name}": rows.count()
        for relation in Person._meta.related_objects
        if (rows := relation.related_model.objects.filter(**{relation.field.name: world.clara}))
    }
    assert left == {"Participant.person": 1, "PersonMerge.person": 1}
    ticket.refresh_from_db()
    assert ticket.requester == world.deniz
    roles = dict(Participant.objects.filter(ticket=ticket).values_list("person__name", "role"))
    assert roles == {"Clara Customer": "former", "Deniz Demir": "requester"}


def test_a_reply_by_the_old_token_still_joins_publicly(world: World, data_dir: object) -> None:
    ticket = world.ticket(ccs=[world.deniz])
    address = token_address(ticket, world.clara.pk)
    merge_people.merge(world.clara.pk, world.deniz.pk, world.ada)
    Desk(world).get("It is me", to=address)
    comment = Comment.objects.latest("id")
    assert (comment.ticket, comment.author, comment.public) == (ticket, world.deniz, True)


def test_old_links_lead_on_and_both_keep_a_trace(world: World, client: Client) -> None:
    merge_people.merge(world.clara.pk, world.deniz.pk, world.ada)
    merge_people.merge(world.deniz.pk, world.outsider.pk, world.ada)
    client.force_login(world.ada)
    assert client.get(f"/customers/{world.clara.pk}").headers["Location"] == f"/customers/{world.outsider.pk}"
    page = client.get(f"/customers/{world.outsider.pk}").text
    assert "Deniz Demir was merged into this profile by Ada Agent" in page
    trace = PersonMerge.objects.get(person=world.clara)
    assert (trace.by, trace.addresses) == (world.ada, ["clara@customer.test"])


def test_who_cannot_be_merged(world: World) -> None:
    for loser, survivor, problem in (
        (world.clara, world.clara, "itself"),
        (world.ada.person, world.clara, "agent"),
    ):
        with pytest.raises(CannotMergeError, match=problem):
            merge_people.merge(loser.pk, survivor.pk, world.ada)
    merge_people.merge(world.clara.pk, world.deniz.pk, world.ada)
    with pytest.raises(CannotMergeError, match="merged"):
        merge_people.merge(world.outsider.pk, world.clara.pk, world.ada)


def test_somebody_of_the_same_name_is_suggested(world: World, client: Client) -> None:
    twin = identities.find_or_create("clara@home.test", "clara customer").person
    other = identities.find_or_create("deniz@home.test", "D. D.").person
    assert merge_people.lookalikes(world.clara) == [twin]
    assert merge_people.lookalikes(world.deniz) == [other]
    client.force_login(world.bruno)
    page = client.get(f"/customers/{twin.pk}/merge", {"into": world.clara.pk}).text
    assert "Das lässt sich nicht rückgängig machen." in page
    client.post(f"/customers/{twin.pk}/merge", {"into": world.clara.pk})
    assert merging.survivor_of(twin) == world.clara
    assert merge_people.lookalikes(world.clara) == []


@pytest.mark.django_db(transaction=True)
def test_two_agents_merge_one_into_the_other_both_ways() -> None:
    world = make_world()
    world.ticket()
    start, problems = threading.Barrier(2), []

    def merge(one: Person, other: Person) -> None:
        start.wait()
        try:
            merge_people.merge(one.pk, other.pk, world.ada)
        except CannotMergeError as error:
            problems.append(error.problem)
        finally:
            connection.close()

    pairs = ((world.clara, world.deniz), (world.deniz, world.clara))
    threads = [threading.Thread(target=merge, args=pair) for pair in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == ["merged"]
    assert Ticket.objects.get().requester == PersonMerge.objects.get().into
