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
