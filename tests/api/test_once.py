"""Idempotency keys: a request that is sent again is done once, also when both come at the same moment."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from tests.api.conftest import Call
from tests.world import World, make_world

from answerback.core import clock, idempotency
from answerback.core.models import IdempotentAnswer
from answerback.outbound.models import Delivery
from answerback.people import tokens
from answerback.tickets.models import Comment, Ticket

KEY = {"Idempotency-Key": "c0ffee"}
NEW: dict[str, Any] = {"ticket": {"comment": {"body": "Hello"}, "requester": {"email": "rita@ok.test"}}}


def failed(world: World) -> str:
    """The address of a notification that did not reach Clara."""
    world.answer(world.ticket())
    world.outcome(world.delivery_to(world.clara), "552 5.2.2 Mailbox full")
    return f"email_notifications/{world.delivery_to(world.clara).message.notification_id}"


def test_a_ticket_is_made_once(call: Call) -> None:
    first = call("POST", "tickets", NEW, KEY)
    again = call("POST", "tickets", NEW, KEY)
    assert first == again
    assert first[0] == 201
    assert Ticket.objects.count() == 1
    assert call("POST", "tickets", NEW, {"Idempotency-Key": "another"})[0] == 201
    assert Ticket.objects.count() == 2


def test_the_header_says_which_it_was(client: Client, world: World) -> None:
    headers = KEY | {"Authorization": f"Bearer {tokens.issue(world.ada, 'x')}"}
    answers = [client.post("/api/v2/tickets", NEW, "application/json", headers=headers) for _ in range(2)]
    assert [answer.headers["X-Idempotency-Lookup"] for answer in answers] == ["miss", "hit"]
    assert answers[0].headers["Location"] == answers[1].headers["Location"]


def test_another_request_with_the_key_is_refused(call: Call) -> None:
    call("POST", "tickets", NEW, KEY)
    other = {"ticket": NEW["ticket"] | {"comment": {"body": "Something else"}}}
    status, body = call("POST", "tickets", other, KEY)
    assert (status, body["error"]) == (422, "IdempotentRequestError")
    assert Ticket.objects.count() == 1


def test_keys_are_everybodys_own(call: Call, call_as_admin: Call) -> None:
    call("POST", "tickets", NEW, KEY)
    call_as_admin("POST", "tickets", NEW, KEY)
    assert Ticket.objects.count() == 2


def test_what_failed_may_be_tried_again(call: Call, world: World) -> None:
    broken = {"ticket": {"comment": {"body": "x"}, "requester_id": 99_999}}
    assert call("POST", "tickets", broken, KEY)[0] == 404
    assert not IdempotentAnswer.objects.exists()
    assert call("POST", "tickets", NEW, KEY)[0] == 201


def test_a_day_later_the_key_is_free(call: Call) -> None:
    call("POST", "tickets", NEW, KEY)
    with clock.at(clock.now() + idempotency.KEPT_FOR + timedelta(minutes=1)):
        call("POST", "tickets", NEW, KEY)
        assert Ticket.objects.count() == 2
        assert idempotency.forget_old() == 0
    with clock.at(clock.now() + 3 * idempotency.KEPT_FOR):
        assert idempotency.forget_old() == 1


def test_an_update_comments_once(call: Call, world: World) -> None:
    ticket = world.ticket()
    for _ in range(2):
        assert call("PUT", f"tickets/{ticket.pk}", {"ticket": {"comment": {"body": "Done."}}}, KEY)[0] == 200
    assert Comment.objects.filter(text="Done.").count() == 1


def test_a_resend_mails_once(call: Call, world: World) -> None:
    path = failed(world)
    first = call("POST", f"{path}/resend", {"recipients": ["failed"]}, KEY)
    assert first == call("POST", f"{path}/resend", {"recipients": ["failed"]}, KEY)
    assert first[0] == 201
    assert Delivery.objects.filter(resent_from__isnull=False).count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_at_the_same_moment() -> None:
    world = make_world()
    path = failed(world)
    token = tokens.issue(world.ada, "twice")
    start = threading.Barrier(2)
    answers: list[tuple[int, Any]] = []

    def send() -> None:
        start.wait()
        answer = Client().post(
            f"/api/v2/{path}/resend", {}, "application/json", headers=KEY | {"Authorization": f"Bearer {token}"}
        )
        answers.append((answer.status_code, json.loads(answer.content)))
        connection.close()

    threads = [threading.Thread(target=send) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [status for status, _ in answers] == [201, 201]
    assert answers[0] == answers[1]
    assert Delivery.objects.filter(resent_from__isnull=False).count() == 1
