"""Several tickets become one: what moves, what stays, where replies go, and two agents at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import connection
from tests.desk.test_intake import Desk
from tests.world import World, make_world

from answerback.core import keys
from answerback.desk.fixing import recover
from answerback.desk.merging import merge_tickets
from answerback.desk.merging.merge_tickets import CannotMergeError, Wording
from answerback.outbound.models import Delivery
from answerback.tickets import merged
from answerback.tickets.models import FAILURE_TAG, Comment, Participant, Ticket
from mailroom import return_path

FULL = "552 5.2.2 Mailbox full"


def tags(ticket: Ticket) -> set[str]:
    return set(ticket.tags.values_list("name", flat=True))


def pair(world: World) -> tuple[Ticket, Ticket]:
    return world.ticket("Printer on fire"), world.ticket("Still on fire", ccs=[world.deniz])


def token_address(ticket: Ticket, person_id: int) -> str:
    participant = Participant.objects.get(ticket=ticket, person=person_id)
    key_id, secret = keys.current_key()
    return f"support+{return_path.sign_reply_token(participant.pk, key_id, secret)}@acme.test"


def test_the_others_close_and_say_where_it_goes_on(world: World) -> None:
    target, other = pair(world)
    merge_tickets.merge([other.pk], target.pk, world.ada)
    other.refresh_from_db()
    assert (other.status, other.merged_into) == ("closed", target)
    assert merged.TAG in tags(other)
    left, came = other.comments.latest("id"), target.comments.latest("id")
    assert f"ticket #{target.pk}" in left.text
    assert f"#{other.pk}, “Still on fire”" in came.text
    assert came.text.endswith("It burns. Please help.")
    assert not left.public
    assert not came.public
    assert not Delivery.objects.exists(), "nobody is mailed by surprise"
    change = other.audits.latest("id").events.get(field="merged_into_id")
    assert change.data["value"] == target.pk


def test_ccs_and_tags_come_along(world: World) -> None:
    target, other = pair(world)
    other.tags.create(name="printer")
    other.tags.create(name=FAILURE_TAG)
    merge_tickets.merge([other.pk], target.pk, world.ada)
    assert tags(target) == {"printer"}
    assert [row.person for row in target.participants.filter(role="cc")] == [world.deniz]


def test_only_the_chosen_come_along(world: World) -> None:
    target, other = pair(world)
    merge_tickets.merge([other.pk], target.pk, world.ada, ccs=[])
    assert not target.participants.filter(role="cc").exists()


def test_a_public_comment_mails_as_any_other(world: World) -> None:
    target, other = pair(world)
    wording = Wording("Both are one now.", "See the other one.", target_public=True, others_public=False)
    merge_tickets.merge([other.pk], target.pk, world.ada, wording)
    assert {row.recipient for row in Delivery.objects.all()} == {"clara@customer.test", "deniz@customer.test"}


def test_an_open_failure_is_seen_on_both_and_mended_as_before(world: World) -> None:
    target, other = pair(world)
    world.answer(other)
    delivery = world.delivery_to(world.clara)
    world.outcome(delivery, FULL)
    merge_tickets.merge([other.pk], target.pk, world.ada)
    other.refresh_from_db()
    assert FAILURE_TAG in tags(other)
    assert other.delivery_health == "failed", "it stays in every view it stood in"
    [(ticket, chain)] = merge_tickets.open_failures(target.pk)
    assert (ticket, chain.newest) == (other, delivery)
    recover.resend([delivery.pk], world.ada)
    world.outcome(world.delivery_to(world.clara), "250 2.0.0 Ok")
    assert merge_tickets.open_failures(target.pk) == []
    assert FAILURE_TAG not in tags(other)


def test_a_failure_that_comes_later_is_not_lost(world: World) -> None:
    target, other = pair(world)
    world.answer(other)
    delivery = world.delivery_to(world.clara)
    merge_tickets.merge([other.pk], target.pk, world.ada)
    world.outcome(delivery, FULL)
    assert [chain.newest for _, chain in merge_tickets.open_failures(target.pk)] == [delivery]
    assert FAILURE_TAG in tags(other)


def test_replies_to_the_merged_ticket_join_the_remaining_one(world: World, data_dir: object) -> None:
    first, second, third = world.ticket("One"), world.ticket("Two"), world.ticket("Three")
    address = token_address(first, world.clara.pk)
    merge_tickets.merge([first.pk], second.pk, world.ada)
    merge_tickets.merge([second.pk], third.pk, world.ada)
    Desk(world).get("Any news?", to=address)
    comment = Comment.objects.latest("id")
    assert (comment.ticket, comment.public) == (third, True)
    assert [ticket.pk for ticket in merged.into(third.pk)] == [first.pk, second.pk]


def test_who_was_left_behind_stays_internal(world: World, data_dir: object) -> None:
    target, other = pair(world)
    address = token_address(other, world.deniz.pk)
    merge_tickets.merge([other.pk], target.pk, world.ada, ccs=[])
    Desk(world).get("Me too", to=address, sender="Deniz Demir <deniz@customer.test>")
    comment = Comment.objects.latest("id")
    assert (comment.ticket, comment.public, comment.trust) == (target, False, "other_sender")


def test_a_ring_ends_where_it_began(world: World) -> None:
    one, two = pair(world)
    Ticket.objects.filter(pk=one.pk).update(merged_into=two)
    Ticket.objects.filter(pk=two.pk).update(merged_into=one)
    one.refresh_from_db()
    assert merged.final(one) == two
    assert [ticket.pk for ticket in merged.into(one.pk)] == [two.pk]


def _close(ticket: Ticket) -> None:
    Ticket.objects.filter(pk=ticket.pk).update(status="closed")


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda target, other: ([target.pk], target.pk), "itself"),
        (lambda target, other: ([], target.pk), "nothing"),
        (lambda target, other: ([999], target.pk), "gone"),
        (lambda target, other: (range(1000, 1060), target.pk), "too_many"),
        (lambda target, other: (_close(target), ([other.pk], target.pk))[1], "target_closed"),
        (lambda target, other: (_close(other), ([other.pk], target.pk))[1], "closed"),
    ],
)
def test_what_cannot_be_merged(world: World, spoil: Callable[..., tuple[list[int], int]], problem: str) -> None:
    ids, into = spoil(*pair(world))
    with pytest.raises(CannotMergeError) as refused:
        merge_tickets.merge(ids, into, world.ada)
    assert refused.value.problem == problem


@pytest.mark.django_db(transaction=True)
def test_two_agents_merge_a_into_b_and_b_into_a() -> None:
    world = make_world()
    one, two = pair(world)
    start, problems = threading.Barrier(2), []

    def merge(ticket: Ticket, into: Ticket) -> None:
        start.wait()
        try:
            merge_tickets.merge([ticket.pk], into.pk, world.ada)
        except CannotMergeError as error:
            problems.append(error.problem)
        finally:
            connection.close()

    threads = [threading.Thread(target=merge, args=pair_) for pair_ in ((one, two), (two, one))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems in (["target_closed"], ["closed"])
    statuses = sorted(Ticket.objects.values_list("status", flat=True))
    assert statuses == ["closed", "new"]
