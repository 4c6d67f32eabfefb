"""What rules do, in which order, and that nothing goes round for ever."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from tests.world import World

from answerback.core import clock
from answerback.desk import change
from answerback.desk.composing.reply import Reply, reply
from answerback.desk.models import Notice
from answerback.outbound.models import Delivery, Message
from answerback.rules import decide, placeholders, update_seen, usage
from answerback.rules.models import Firing, Trigger, Webhook, WebhookCall
from answerback.tickets.changes import Changes
from answerback.tickets.models import Event, Ticket

pytestmark = pytest.mark.django_db
FAILED = ("delivery", "is", "failed")


def trigger(*conditions: tuple[str, str, str], then: list[tuple[str, Any]], position: int = 50) -> Trigger:
    now = clock.now()
    return Trigger.objects.create(
        title=f"Rule {position}",
        position=position,
        conditions={"all": [{"field": f, "operator": o, "value": v} for f, o, v in conditions], "any": []},
        actions=[{"field": field, "value": value} for field, value in then],
        created_at=now,
        updated_at=now,
    )


def mail(recipient: str, body: str = "Hello") -> tuple[str, Any]:
    return "notification_user", [recipient, "About {{ticket.title}}", body]


@pytest.fixture
def ticket(world: World) -> Ticket:
    Trigger.objects.all().delete()
    return world.ticket()


def set_priority(world: World, ticket: Ticket, priority: str = "high", via: str = "web") -> None:
    change.change(ticket.pk, Changes(priority=priority), world.ada, via)


# Order


def test_a_rule_sees_what_those_before_it_changed(world: World, ticket: Ticket) -> None:
    trigger(("priority", "is", "high"), then=[("current_tags", "first")], position=1)
    trigger(("current_tags", "not_includes", "first"), then=[("current_tags", "second")], position=2)
    set_priority(world, ticket)
    assert list(ticket.tags.values_list("name", flat=True)) == ["first"]


def test_and_those_after_it_are_asked_again(world: World, ticket: Ticket) -> None:
    trigger(("current_tags", "includes", "late"), then=[("type", "incident")], position=1)
    trigger(("priority", "is", "high"), then=[("current_tags", "late")], position=2)
    set_priority(world, ticket)
    ticket.refresh_from_db()
    assert ticket.type == "incident"
    audit = ticket.audits.latest("id")
    assert (audit.via, audit.rule_kind, audit.rule_title) == ("rule", "trigger", "Rule 1")


def test_two_rules_that_contradict_each_other_come_to_rest(world: World, ticket: Ticket) -> None:
    trigger(("priority", "is", "high"), then=[("priority", "low")], position=1)
    trigger(("priority", "is", "low"), then=[("priority", "high")], position=2)
    set_priority(world, ticket)
    assert ticket.audits.filter(via="rule").count() == 2


def test_triggers_cost_one_query_however_many_they_are(world: World, ticket: Ticket) -> None:
    counts = []
    for priority in ("high", "low"):
        for position in range(20):
            conditions = [("subject_includes_word", "includes", "nothing"), ("group_id", "is", "999")]
            trigger(*conditions, then=[("current_tags", "x")], position=position)
        with CaptureQueriesContext(connection) as queries:
            set_priority(world, ticket, priority)
        counts.append(len(queries))
    assert counts[0] == counts[1]


# What they do


def test_an_internal_note_is_nobodys_words_but_ours(world: World, ticket: Ticket) -> None:
    note = "Handled as {{ticket.priority}}"
    trigger(("priority", "changed", ""), then=[("internal_note", {"en": note, "de": "Als {{ticket.priority}}"})])
    set_priority(world, ticket)
    comment = ticket.comments.latest("id")
    assert (comment.text, comment.public, comment.author.name) == ("Handled as High", False, "Answerback")
    assert not hasattr(comment.author, "account")


def test_somebody_is_copied_in(world: World, ticket: Ticket) -> None:
    trigger(("priority", "changed", ""), then=[("cc", str(world.deniz.pk))])
    set_priority(world, ticket)
    assert ticket.participants.filter(role="cc", person=world.deniz).exists()


@pytest.mark.parametrize("status, after", [("solved", "open"), ("pending", "open"), ("new", "new")])
def test_reopening(world: World, ticket: Ticket, status: str, after: str) -> None:
    trigger(("priority", "changed", ""), then=[("reopen", "")])
    change.change(ticket.pk, Changes(status=status), world.ada)
    set_priority(world, ticket)
    ticket.refresh_from_db()
    assert ticket.status == after


def test_agents_are_told_in_the_workspace(world: World, ticket: Ticket) -> None:
    trigger(("priority", "changed", ""), then=[("notify", ["supervisors", "See {{ticket.title}}"])])
    set_priority(world, ticket)
    notice = Notice.objects.get()
    assert (notice.account, notice.kind, notice.data["text"]) == (world.bruno, "rule", "See Printer on fire")


def test_supervisors_and_single_agents_are_mailed(world: World, ticket: Ticket) -> None:
    trigger(("priority", "changed", ""), then=[mail("supervisors"), mail(str(world.ada.pk))])
    set_priority(world, ticket)
    assert sorted(Delivery.objects.values_list("recipient", flat=True)) == ["ada@acme.test", "bruno@acme.test"]


def test_a_webhook_is_called_once_substituted(world: World, ticket: Ticket) -> None:
    hook = Webhook.objects.create(
        name="Pager", endpoint="https://pager.test/", secret="x", created_at=clock.now(), updated_at=clock.now()
    )
    Ticket.objects.filter(pk=ticket.pk).update(subject='"}, {{agent.signature}}')
    payload = json.dumps({"text": "{{ticket.title}}", "tags": ["{{ticket.id}}"]})
    trigger(("priority", "changed", ""), then=[("notification_webhook", [str(hook.pk), payload])])
    set_priority(world, ticket)
    body = json.loads(WebhookCall.objects.get().body)
    assert body["text"] == '"}, {{agent.signature}}'
    assert body["tags"] == [str(ticket.pk)]


def test_mail_is_held_whatever_rule_wrote_it(world: World, ticket: Ticket) -> None:
    """The one that holds comes first, the one that writes after it."""
    trigger(("priority", "is", "high"), then=[("hold", "ticket")], position=1)
    trigger(("comment_is_public", "is", "true"), then=[mail("requester_id", "{{ticket.latest_public_comment}}")])
    comment = reply(ticket.pk, Reply(text="Soon", public=True), world.ada, changes=Changes(priority="high")).comment
    delivery = world.delivery_to(world.clara, comment)
    assert (delivery.state, delivery.hold_reason) == ("held", "rule:Rule 1")
    note = Event.objects.get(ticket=ticket, kind="Rule")
    assert (note.data["note"], note.data["recipients"]) == ("held", ["clara@customer.test"])


# Failures


def test_conditions_read_the_payload_of_the_failure(world: World, ticket: Ticket) -> None:
    holding = [
        FAILED, ("delivery", "is", "answer"), ("delivery_cause", "is", "mailbox_full"),
        ("delivery_fix", "is", "customer"), ("delivery_permanent", "is", "true"), ("delivery_role", "is", "to"),
        ("delivery_code", "is", "5.2.2"), ("delivery_code", "is", "552"), ("delivery_code", "includes", "5.2"),
        ("delivery_health", "is", "open"), ("role", "is", "system"),
    ]  # fmt: skip
    failing = [
        ("delivery", "is", "resolved"), ("delivery_cause", "is_not", "mailbox_full"), ("delivery_role", "is", "cc"),
        ("delivery_code", "is", "5.1.1"), ("delivery_code", "includes", "5.22"), ("delivery_health", "is", "none"),
    ]  # fmt: skip
    for number, row in enumerate([*holding, *failing]):
        trigger(FAILED, row, then=[("current_tags", f"row-{number}")], position=number)
    answered_by(mail("requester_id", "{{ticket.latest_public_comment}}"))
    _answer_fails(world, ticket, "552 5.2.2 Mailbox full")
    expected = {f"row-{number}" for number in range(len(holding))}
    assert {name for name in ticket.tags.values_list("name", flat=True) if name.startswith("row-")} == expected


def test_all_conditions_hold_for_the_same_failure(world: World, ticket: Ticket) -> None:
    payloads = [
        {"event": "failed", "cause": "mailbox_full", "role": "to"},
        {"event": "failed", "cause": "address_unknown", "role": "cc"},
    ]
    conditions = [("delivery_cause", "is", "mailbox_full"), ("delivery_role", "is", "cc")]
    rule = trigger(*conditions, then=[("priority", "high")])
    audit = ticket.audits.latest("id")
    seen = update_seen.see(audit, None)
    seen.deliveries = payloads
    assert decide.decide(rule, seen) == []
    payloads[0]["role"] = "cc"
    assert decide.decide(rule, seen)


def test_a_failure_is_sent_again_once(world: World, ticket: Ticket) -> None:
    trigger(FAILED, then=[("resend", "")])
    answered_by(mail("requester_id", "{{ticket.latest_public_comment}}"))
    _answer_fails(world, ticket, "552 5.2.2 Mailbox full")
    again = world.delivery_to(world.clara)
    assert again.resent_from is not None
    world.outcome(again, "552 5.2.2 Mailbox full")
    assert Delivery.objects.count() == 2


def test_a_rule_that_writes_when_mail_fails_does_not_write_when_that_fails(world: World, ticket: Ticket) -> None:
    trigger(FAILED, then=[mail("requester_id", "Your mail fails")])
    answered_by(mail("requester_id", "{{ticket.latest_public_comment}}"))
    _answer_fails(world, ticket, "552 5.2.2 Mailbox full")
    warning = world.delivery_to(world.clara)
    assert (warning.kind, warning.state) == ("automatic", "queued")
    world.outcome(warning, "552 5.2.2 Mailbox full")
    assert Delivery.objects.count() == 2


def test_not_even_by_way_of_other_rules(world: World, ticket: Ticket) -> None:
    """One tags what fails and the next takes the tag off; a third writes whenever tags change."""
    trigger(FAILED, ("current_tags", "not_includes", "odd"), then=[("current_tags", "odd")], position=1)
    trigger(FAILED, ("current_tags", "includes", "odd"), then=[("remove_tags", "odd")], position=2)
    trigger(("current_via_id", "is", "rule"), then=[mail("requester_id")], position=3)
    answered_by(mail("requester_id", "{{ticket.latest_public_comment}}"))
    _answer_fails(world, ticket, "552 5.2.2 Mailbox full")
    for _ in range(3):
        delivery = world.delivery_to(world.clara)
        if delivery.state == "queued":
            world.outcome(delivery, "552 5.2.2 Mailbox full")
    assert Delivery.objects.count() == 2


def test_a_program_that_answers_webhooks_by_changing_the_ticket_is_stopped(world: World, ticket: Ticket) -> None:
    """Each call makes it write by the API, each of its updates calls it again."""
    rule = trigger(("priority", "changed", ""), then=[("current_tags", "seen")])
    for number in range(usage.MOST_PER_HOUR + 5):
        set_priority(world, ticket, ("high", "low")[number % 2], via="api")
        change.change(ticket.pk, Changes(remove_tags=["seen"]), world.ada, "api")
    assert Firing.objects.filter(trigger=rule).count() == usage.MOST_PER_HOUR + 5
    notes = Event.objects.filter(ticket=ticket, kind="Rule")
    assert [note.data["note"] for note in notes] == ["resting"]
    assert ticket.audits.filter(via="rule").count() == usage.MOST_PER_HOUR


def test_people_are_never_stopped(world: World, ticket: Ticket) -> None:
    trigger(("priority", "changed", ""), then=[("current_tags", "seen")])
    for number in range(usage.MOST_PER_HOUR + 2):
        change.change(ticket.pk, Changes(remove_tags=["seen"]), world.ada)
        set_priority(world, ticket, ("high", "low")[number % 2])
    assert ticket.tags.filter(name="seen").exists()


def test_an_update_of_a_closed_ticket_is_no_error(world: World, ticket: Ticket) -> None:
    answered_by(mail("requester_id", "{{ticket.latest_public_comment}}"))
    trigger(FAILED, then=[("priority", "high")])
    world.answer(ticket)
    Ticket.objects.filter(pk=ticket.pk).update(status="closed")
    world.outcome(world.delivery_to(world.clara), "552 5.2.2 Mailbox full")
    ticket.refresh_from_db()
    assert (ticket.delivery_health, ticket.priority) == ("failed", "")


# Placeholders


def test_every_placeholder_is_known_and_no_other(world: World, ticket: Ticket) -> None:
    body = "".join(f"[{name}={{{{{name}}}}}]" for name in placeholders.KNOWN)
    trigger(("priority", "changed", ""), then=[("internal_note", body)])
    reply(ticket.pk, Reply(text="Hi", public=True), world.ada, changes=Changes(priority="high"))
    note = ticket.comments.latest("id").text
    assert f"[ticket.id={ticket.pk}]" in note
    assert "[ticket.requester.name=Clara Customer]" in note
    assert "[current_user.name=Ada Agent]" in note


@pytest.mark.parametrize("action", [mail("requester_id", "{{ticket.title}}"), ("internal_note", "{{ticket.title}}")])
def test_what_a_customer_wrote_is_never_rendered(world: World, ticket: Ticket, action: tuple[str, Any]) -> None:
    Ticket.objects.filter(pk=ticket.pk).update(subject="{{agent.signature}} {{ticket.url}}")
    trigger(("priority", "changed", ""), then=[action])
    set_priority(world, ticket)
    if action[0] == "internal_note":
        assert ticket.comments.latest("id").text == "{{agent.signature}} {{ticket.url}}"
    else:
        message = Message.objects.get()
        assert message.subject == "About {{agent.signature}} {{ticket.url}}"
        assert b"{{agent.signature}} {{ticket.url}}" in bytes(message.body)


def answered_by(action: tuple[str, Any]) -> None:
    trigger(("role", "is", "agent"), ("comment_is_public", "is", "true"), then=[action], position=99)


def _answer_fails(world: World, ticket: Ticket, text: str) -> None:
    comment = world.answer(ticket)
    world.outcome(world.delivery_to(world.clara, comment), text)
