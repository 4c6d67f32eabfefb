"""What other programs are told of failing mail, and how the waiting calls move."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from tests.world import World

from answerback.core import clock
from answerback.desk import change
from answerback.desk.calling_webhooks import webhook_queue, webhooks
from answerback.desk.calling_webhooks.webhook_policy import Answer
from answerback.desk.fixing import recover
from answerback.desk.models import Notice
from answerback.rules import webhooks as rows
from answerback.rules.models import Webhook, WebhookCall
from answerback.rules.webhooks import EVENTS, BadWebhookError, Wanted
from answerback.tickets.changes import Changes

ENDPOINT = "http://receiver.test/hook"


def make_webhook(**wanted: Any) -> Webhook:
    given: dict[str, Any] = {"name": "Billing", "endpoint": ENDPOINT, "events": EVENTS, "active": True}
    return rows.save_webhook(None, Wanted(**given | wanted))


def told(event: str) -> list[dict[str, Any]]:
    calls = WebhookCall.objects.filter(event=event).order_by("id")
    return [json.loads(body) for body in calls.values_list("body", flat=True)]


def test_a_failure_is_told_once(world: World) -> None:
    make_webhook()
    ticket = world.ticket()
    comment = world.answer(ticket)
    delivery = world.delivery_to(world.clara)
    world.outcome(delivery, "552 5.2.2 Mailbox full")
    [call] = told("delivery.failed")
    assert call["ticket"]["id"] == ticket.pk
    assert call["ticket"]["url"].endswith(f"/tickets/{ticket.pk}")
    assert call["delivery"] == {
        "id": delivery.pk,
        "comment_id": comment.pk,
        "notification_id": delivery.message.notification_id,
        "trigger": "Notify requester and CCs of comment update",
        "kind": "answer",
        "recipient": "clara@customer.test",
        "person_id": world.clara.pk,
        "person": "Clara Customer",
        "role": "to",
        "state": "failed",
        "cause": "mailbox_full",
        "cause_text": "mailbox full",
        "smtp_code": 552,
        "enhanced_code": "5.2.2",
        "diagnostic": "552 5.2.2 Mailbox full",
        "remote_mta": "mx.customer.test",
        "told_by": "",
        "permanent": True,
        "matched_by": "session",
        "stopped_by": "",
        "feedback_type": "",
    }
    audit = ticket.audits.filter(events__kind="DeliveryFailure").get()
    webhooks.tell(audit)
    assert len(told("delivery.failed")) == 1, "whatever is repeated, an event is told once"


def test_a_resolution_is_told_whoever_brought_it_about(world: World) -> None:
    make_webhook()
    world.answer(world.ticket())
    delivery = world.delivery_to(world.clara)
    world.outcome(delivery, "552 5.2.2 Mailbox full")
    recover.resend([delivery.pk], world.ada)
    world.outcome(world.delivery_to(world.clara), "250 2.0.0 Ok")
    world.answer(world.ticket("Another"))
    other = world.delivery_to(world.clara)
    world.outcome(other, "550 5.1.1 No such user")
    recover.mark_handled(other.pk, world.ada, "by phone")
    resent, handled = told("delivery.resolved")
    assert (resent["resolution"]["delivery_id"], resent["resolution"]["how"]) == (delivery.pk, "resent")
    assert (handled["resolution"]["how"], handled["resolution"]["note"]) == ("handled", "by phone")


def test_only_who_asked_is_told(world: World) -> None:
    make_webhook(name="resolved only", events=["delivery.resolved"])
    make_webhook(name="off", active=False)
    world.answer(world.ticket())
    world.outcome(world.delivery_to(world.clara), "552 5.2.2 Mailbox full")
    assert not WebhookCall.objects.exists()


def test_a_quiet_update_tells_nobody(world: World) -> None:
    make_webhook()
    change.change(world.ticket().pk, Changes(status="pending"), world.ada)
    assert not WebhookCall.objects.exists()


def test_a_call_is_claimed_by_one_and_counted(world: World) -> None:
    webhook = make_webhook()
    webhooks.call(webhook.pk, "trigger", {"text": "hello"})
    [claimed] = webhook_queue.claim(10)
    assert webhook_queue.claim(10) == [], "leased"
    webhook_queue.record(claimed, Answer(503, "later"))
    call = WebhookCall.objects.get()
    assert (call.state, call.attempts, call.status_code, call.response) == ("waiting", 1, 503, "later")
    assert call.next_attempt_at
    assert call.next_attempt_at > clock.now() + timedelta(seconds=20)


def test_an_outcome_that_comes_late_counts_for_nothing(world: World) -> None:
    webhooks.call(make_webhook().pk, "trigger", {})
    [first] = webhook_queue.claim(10)
    with clock.at(clock.now() + timedelta(minutes=5)):  # the first worker died, or hangs
        [second] = webhook_queue.claim(10)
        webhook_queue.record(first, Answer(500))
        assert WebhookCall.objects.get().status_code is None
        webhook_queue.record(second, Answer(200))
    call = WebhookCall.objects.get()
    assert (call.state, call.attempts, call.status_code) == ("arrived", 2, 200)


def test_a_slow_webhook_does_not_take_every_slot(world: World) -> None:
    slow, quick = make_webhook(name="slow"), make_webhook(name="quick")
    for _ in range(6):
        webhooks.call(slow.pk, "trigger", {})
    webhooks.call(quick.pk, "trigger", {})
    names = [claimed.webhook_id for claimed in webhook_queue.claim(10)]
    assert names == [slow.pk] * 3 + [quick.pk]
    assert webhook_queue.claim(10, busy=[slow.pk]) == []


def test_a_webhook_that_fails_too_long_is_switched_off(world: World) -> None:
    webhook = make_webhook()
    start = clock.now()
    for day in range(5):
        with clock.at(start + timedelta(days=day)):
            webhook.refresh_from_db()
            webhooks.call(webhook.pk, "trigger", {})
            for claimed in webhook_queue.claim(10):
                webhook_queue.record(claimed, Answer(404))
    webhook.refresh_from_db()
    assert not webhook.active
    assert webhook.failing_since == start
    assert webhook.switched_off_at == start + timedelta(days=3)
    notice = Notice.objects.get()
    assert (notice.account, notice.data["name"]) == (world.bruno, "Billing"), "admins are told, once"
    rows.switch(webhook, True)
    assert (webhook.failing_since, webhook.switched_off_at) == (None, None)


def test_one_success_forgives(world: World) -> None:
    webhook = make_webhook()
    for answer in (Answer(500), Answer(200)):
        webhooks.call(webhook.pk, "trigger", {})
        [claimed] = webhook_queue.claim(1)
        webhook_queue.record(claimed, answer)
    webhook.refresh_from_db()
    assert webhook.failing_since is None


def test_a_replay_carries_the_same_event_id(world: World) -> None:
    webhooks.call(make_webhook().pk, "trigger", {"text": "hello"})
    old = WebhookCall.objects.get()
    again, once_more = webhooks.replay(old), webhooks.replay(old)
    assert again.event_id == once_more.event_id == old.event_id
    assert again.body == old.body


def test_a_test_call_goes_out_though_the_webhook_is_off(world: World) -> None:
    webhook = make_webhook(active=False)
    webhooks.test(webhook)
    [claimed] = webhook_queue.claim(1)
    webhook_queue.record(claimed, Answer(503))
    assert WebhookCall.objects.get().state == "given_up", "whoever tests is looking, and tries again"


def test_the_log_forgets_after_a_month(world: World) -> None:
    webhooks.call(make_webhook().pk, "trigger", {})
    [claimed] = webhook_queue.claim(1)
    webhook_queue.record(claimed, Answer(200))
    assert webhook_queue.forget_old() == 0
    with clock.at(clock.now() + timedelta(days=31)):
        assert webhook_queue.forget_old() == 1


@pytest.mark.parametrize(
    ("wanted", "field", "problem"),
    [
        ({"endpoint": "ftp://receiver.test/"}, "endpoint", "not_an_address"),
        ({"endpoint": "https://"}, "endpoint", "not_an_address"),
        ({"endpoint": "https://receiver.test:port/"}, "endpoint", "not_an_address"),
        ({"endpoint": "https://a b.test/"}, "endpoint", "not_an_address"),
        ({"endpoint": "https://user:secret@receiver.test/"}, "endpoint", "with_user"),
        ({"headers": "X-Team"}, "headers", "not_a_header"),
        ({"headers": "X Team: one"}, "headers", "not_a_header"),
        ({"headers": "X-Team: grün"}, "headers", "not_a_header"),
        ({"headers": "Authorization: Bearer x"}, "headers", "ours"),
        ({"headers": "X-Answerback-Webhook-Signature: x"}, "headers", "ours"),
        ({"headers": "\n".join(f"X-{n}: 1" for n in range(21))}, "headers", "too_many"),
        ({"authentication": "bearer"}, "password", "missing"),
    ],
)
def test_what_cannot_be_called_is_refused(world: World, wanted: dict[str, str], field: str, problem: str) -> None:
    with pytest.raises(BadWebhookError) as refused:
        make_webhook(**wanted)
    assert (refused.value.field, refused.value.problem) == (field, problem)


def test_a_password_stays_until_the_server_changes(world: World) -> None:
    wanted = {"authentication": "basic", "user_name": "desk", "password": "s3cret"}
    webhook = make_webhook(**wanted)
    kept = Wanted("Billing", "http://receiver.test/other", EVENTS, True, authentication="basic", user_name="desk")
    assert rows.save_webhook(webhook, kept).password == "s3cret"
    moved = Wanted("Billing", "http://elsewhere.test/", EVENTS, True, authentication="basic", user_name="desk")
    with pytest.raises(BadWebhookError, match="password: missing"):
        rows.save_webhook(webhook, moved)


def test_a_rotated_secret_signs_from_then_on(world: World) -> None:
    webhook = make_webhook()
    before = webhook.secret
    webhooks.call(webhook.pk, "trigger", {})
    fresh = rows.rotate_secret(webhook)
    [claimed] = webhook_queue.claim(1)
    assert claimed.request.secret == fresh != before
