"""Email notifications: Zendesk's status ids, and what we add."""

from __future__ import annotations

import pytest
from tests.api.conftest import Call
from tests.world import World

from answerback.outbound import standing
from answerback.outbound.models import Delivery, Message


def notification_of(call: Call, ticket_id: int) -> dict:
    _, body = call("GET", "email_notifications", **{"filter[ticket_id]": str(ticket_id)})
    return next(row for row in body["email_notifications"] if row["comment_id"])


@pytest.mark.parametrize(
    "said, final, status, name, state",
    [
        ("250 2.0.0 Ok", True, 5, "delivered", "accepted"),
        ("250 2.0.0 Ok", False, 0, "none", "accepted"),
        ("451 4.7.1 Greylisted, try again later", True, 0, "none", "deferred"),
        ("550 5.1.1 User unknown", True, None, None, "failed"),
    ],
)
def test_delivery_status(
    call: Call, world: World, said: str, final: bool, status: int | None, name: str | None, state: str
) -> None:
    ticket = world.ticket()
    world.answer(ticket)
    world.outcome(world.delivery_to(world.clara), said, final=final)
    [recipient] = notification_of(call, ticket.pk)["recipients"]
    assert recipient["answerback"]["state"] == state
    if status is None:
        assert recipient["delivery_status"]["code"] == "550 5.1.1"
        assert recipient["answerback"]["cause"] == "address_unknown"
        assert "correct_address" in recipient["answerback"]["fixes"]
    else:
        assert (recipient["delivery_status"]["id"], recipient["delivery_status"]["name"]) == (status, name)


def test_filter_is_needed(call: Call) -> None:
    assert call("GET", "email_notifications")[0] == 400


def test_show_many(call: Call, world: World) -> None:
    ticket = world.ticket()
    comment = world.answer(ticket)
    _, body = call("GET", "email_notifications/show_many", comment_ids=str(comment.pk))
    assert [row["comment_id"] for row in body["email_notifications"]] == [comment.pk]
    shown = body["email_notifications"][0]["notification_id"]
    assert call("GET", f"email_notifications/{shown}.json")[1]["email_notification"]["ticket_id"] == ticket.pk


def test_resend_only_to_those_who_failed(call: Call, world: World) -> None:
    ticket = world.ticket(ccs=[world.deniz])
    world.answer(ticket)
    world.outcome(world.delivery_to(world.clara), "552 5.2.2 Mailbox full")
    world.outcome(world.delivery_to(world.deniz), "250 Ok")
    notification = Message.objects.get(kind="answer").notification_id
    status, body = call("POST", f"email_notifications/{notification}/resend", {"recipients": ["failed"]})
    assert status == 201
    again = Delivery.objects.latest("id")
    assert (again.recipient, again.state) == ("clara@customer.test", "queued")
    clara = next(r for r in body["email_notification"]["recipients"] if r["user_id"] == world.clara.pk)
    assert clara["answerback"]["history"][0]["state"] == "failed"
    assert call("POST", f"email_notifications/{notification}/resend", {"recipients": ["failed"]})[0] == 422
    assert standing.of_ticket(ticket.pk)


def failed(world: World) -> str:
    """The address of a notification that reached neither Clara, who is unknown there, nor Deniz, whose box is full."""
    world.answer(world.ticket(ccs=[world.deniz]))
    world.outcome(world.delivery_to(world.clara), "550 5.1.1 User unknown")
    world.outcome(world.delivery_to(world.deniz), "552 5.2.2 Mailbox full")
    return f"email_notifications/{world.delivery_to(world.clara).message.notification_id}"


def test_resend_puts_a_mistyped_address_right(call: Call, world: World) -> None:
    body = {"recipients": ["failed"], "corrections": {"CLARA@customer.test": "clara@customer.example"}}
    status, shown = call("POST", f"{failed(world)}/resend", body)
    assert status == 201
    addresses = {row["user_id"]: row["email_address"] for row in shown["email_notification"]["recipients"]}
    assert addresses[world.clara.pk] == "clara@customer.example"
    assert addresses[world.deniz.pk] == "deniz@customer.test"
    assert world.clara.identities.get().address == "clara@customer.example"
    assert Delivery.objects.filter(resent_from__isnull=False).count() == 2


@pytest.mark.parametrize("wrong", ["no address", "deniz@customer.test"])
def test_a_correction_that_cannot_be_sends_nothing(call: Call, world: World, wrong: str) -> None:
    path = failed(world)
    status, body = call("POST", f"{path}/resend", {"corrections": {"clara@customer.test": wrong}})
    assert (status, list(body["details"])) == (422, ["corrections"])
    assert not Delivery.objects.filter(resent_from__isnull=False).exists()
    assert world.clara.identities.get().address == "clara@customer.test"


def test_handled_in_another_way(call: Call, world: World) -> None:
    path = failed(world)
    status, body = call("POST", f"{path}/handle", {"recipients": ["clara@customer.test"], "note": "by phone"})
    assert status == 200
    resolved = {row["user_id"]: row["answerback"]["resolved"] for row in body["email_notification"]["recipients"]}
    assert resolved == {world.clara.pk: True, world.deniz.pk: False}
    assert call("POST", f"{path}/handle", {"recipients": ["clara@customer.test"]})[0] == 422
    _, body = call("POST", f"{path}/reopen", {"recipients": ["clara@customer.test"]})
    assert not any(row["answerback"]["resolved"] for row in body["email_notification"]["recipients"])
    _, body = call("POST", f"{path}/handle", {"by_phone": True})
    assert all(row["answerback"]["resolved"] for row in body["email_notification"]["recipients"])


def test_what_would_be_held_is_not_sent_again(call: Call, world: World) -> None:
    path = failed(world)
    status, body = call("POST", f"{path}/resend", {"recipients": ["clara@customer.test"]})
    assert (status, "known to fail" in body["details"]["recipients"][0]["description"]) == (422, True)
    assert call("POST", f"{path}/resend", {"recipients": ["failed"]})[0] == 201
    assert [row.recipient for row in Delivery.objects.filter(resent_from__isnull=False)] == ["deniz@customer.test"]


def test_what_waits_is_retried_or_stopped(call: Call, world: World) -> None:
    world.answer(world.ticket())
    world.outcome(world.delivery_to(world.clara), "451 4.3.0 Later")
    path = f"email_notifications/{world.delivery_to(world.clara).message.notification_id}"
    assert call("POST", f"{path}/retry", {})[0] == 200
    _, body = call("POST", f"{path}/stop", {})
    assert body["email_notification"]["recipients"][0]["answerback"]["state"] == "cancelled"
    assert call("POST", f"{path}/stop", {})[0] == 422
    assert call("POST", f"{path}/retry", {})[0] == 422


def test_what_is_held_is_released(call: Call, world: World) -> None:
    failed(world)
    world.answer(world.ticket())
    held = world.delivery_to(world.clara)
    assert held.state == "held"
    path = f"email_notifications/{held.message.notification_id}"
    _, body = call("POST", f"{path}/release", {})
    assert body["email_notification"]["recipients"][0]["answerback"]["state"] == "queued"
