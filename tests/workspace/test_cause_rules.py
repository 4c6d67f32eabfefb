"""The page of own rules for causes: list, form, order, undo, and the try of what is not saved yet."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest
from django.test import Client
from tests.world import World

from answerback.outbound import cause_rules
from answerback.outbound.models import CauseRule
from answerback.tickets.models import Ticket
from mailroom.causes.own import OwnRule

REPLY = "550 5.7.1 Our partner gateway says no"
PART = {"HX-Request": "true"}


@pytest.fixture
def bruno(world: World, client: Client) -> Client:
    """The administrator; reads German."""
    client.force_login(world.bruno)
    client.post("/profile/language", {"language": "en"})
    return client


def words() -> list[str]:
    return [rule.words for rule in cause_rules.current()]


def save(browser: Client, typed: str, cause: str, rule: int = 0) -> Any:
    return browser.post(f"/admin/cause-rules/{rule or 'new'}", {"words": typed, "cause": cause, "rule": rule})


def tried(browser: Client, sample: str, **typed: object) -> str:
    page = browser.post("/admin/cause-rules/try", {"sample": sample, **typed}, headers=PART)
    assert page.status_code == 200
    return " ".join(unescape(page.text).split())


def test_only_administrators(ada: Client) -> None:
    for path in ("", "/new", "/1"):
        assert ada.get(f"/admin/cause-rules{path}").status_code == 403
    for path in ("/try", "/reread", "/1/act"):
        assert ada.post(f"/admin/cause-rules{path}").status_code == 403


def test_a_rule_counts_from_the_next_reply_on(world: World, bruno: Client) -> None:
    assert "No rules of your own yet" in bruno.get("/admin/cause-rules").text
    assert save(bruno, "Partner  gateway says no", "reputation").status_code == 302
    page = bruno.get("/admin/cause-rules").text
    assert "partner gateway says no" in page
    assert "Bruno Lead" in page
    world.answer(world.ticket())
    delivery = world.delivery_to(world.clara)
    world.outcome(delivery, REPLY)
    delivery.refresh_from_db()
    assert delivery.cause == "reputation"


def test_a_rule_is_changed_moved_deleted_and_taken_back(bruno: Client) -> None:
    for typed in ("first words", "second words", "third words"):
        save(bruno, typed, "reputation")
    first, _, third = CauseRule.objects.all()
    bruno.post(f"/admin/cause-rules/{third.pk}/act", {"act": "up"})
    assert words() == ["first words", "third words", "second words"]
    bruno.post(f"/admin/cause-rules/{first.pk}/act", {"act": "up"})  # is the first already
    save(bruno, "other words", "policy_refused", first.pk)
    assert cause_rules.current()[0] == OwnRule("other words", "policy_refused")
    page = bruno.post(f"/admin/cause-rules/{third.pk}/act", {"act": "delete"}, follow=True).text
    assert "“third words” has been deleted." in page
    assert words() == ["other words", "second words"]
    bruno.post(f"/admin/cause-rules/{third.pk}/act", {"act": "undo"})
    assert words() == ["other words", "third words", "second words"]


@pytest.mark.parametrize(
    ("typed", "cause", "told"),
    [
        ("no", "reputation", "at least 3 characters"),
        ("*says no", "reputation", "cannot stand in front"),
        ("a*b*c*d*e*f*g", "reputation", "at most 5 gaps"),
        ("x" * 301, "reputation", "at most 300 characters"),
        ("says no", "", "Choose a cause."),
    ],
)
def test_what_is_wrong_is_told_beside_it_and_nothing_typed_is_lost(
    bruno: Client, typed: str, cause: str, told: str
) -> None:
    data = {"words": typed, "cause": cause, "sample": "550 my sample"}
    answer = bruno.post("/admin/cause-rules/new", data)
    assert answer.status_code == 422
    assert told in answer.text
    assert typed in answer.text
    assert "550 my sample" in answer.text
    assert words() == []
    assert told in tried(bruno, "", words=typed, cause=cause)


def test_the_special_goes_above_the_general(bruno: Client) -> None:
    save(bruno, "says no", "policy_refused")
    save(bruno, "gateway says no", "reputation")
    assert words() == ["gateway says no", "says no"]
    answer = save(bruno, "Says no", "reputation")
    assert "There is a rule for “says no” already." in answer.text


def test_a_rule_moved_below_what_hides_it_is_marked(bruno: Client) -> None:
    save(bruno, "says no", "policy_refused")
    save(bruno, "gateway says no", "reputation")
    special = CauseRule.objects.get(words="gateway says no")
    bruno.post(f"/admin/cause-rules/{special.pk}/act", {"act": "down"})
    assert "Never asked: “says no” comes before" in bruno.get("/admin/cause-rules").text


def test_rules_of_the_setting_come_first_and_cannot_be_changed(bruno: Client, settings: Any) -> None:
    settings.CAUSE_RULES = (OwnRule("gateway says", "greylisted"),)
    assert "would never be asked" in save(bruno, "gateway says no", "reputation").text
    save(bruno, "partner", "reputation")
    assert words() == ["gateway says", "partner"]
    page = bruno.get("/admin/cause-rules").text
    assert "From the setting" in page
    assert "ANSWERBACK_CAUSE_RULES" in page
    assert "the rule “gateway says” of the setting" in tried(bruno, REPLY)


def test_a_reply_is_tried_before_anything_is_saved(bruno: Client) -> None:
    found = tried(bruno, REPLY, words="gateway says no", cause="reputation")
    assert "named by your own rule “gateway says no”" in found
    assert "Without rules of your own: refused by a policy, named by the enhanced code 5.7.1" in found
    assert words() == []


@pytest.mark.parametrize(
    ("sample", "by"),
    [
        ("552 5.2.2 Mailbox full", "named by the words “mailbox full”"),
        ("554 5.7.1 blocked using zen.spamhaus.org", "named by a known provider’s words “spamhaus”"),
        ("550 5.2.1 Nope", "named by the enhanced code 5.2.1"),
        ("521 Nope", "named by the reply code 521"),
        ("Nope", "no rule knows these words"),
        ("250 2.0.0 Ok", "what the report says became of it"),
        ("", "Paste what the server said."),
    ],
)
def test_by_which_rule_is_told(bruno: Client, sample: str, by: str) -> None:
    assert by in tried(bruno, sample)


def test_a_whole_notice_is_tried_for_each_of_its_recipients(bruno: Client) -> None:
    notice = (
        "Hi. This is the qmail-send program at mx.customer.test.\nI'm afraid I wasn't able to deliver your message to "
        "the following addresses.\n\n<clara@customer.test>:\n552 5.2.2 mailbox full\n\n<deniz@customer.test>:\n"
        "550 5.1.1 no such user\n\n--- Below this line is a copy of the message.\n\nSubject: Hello\n"
    )
    for sample in (notice, f"From: MAILER-DAEMON@mx.customer.test\nSubject: failure notice\n\n{notice}"):
        found = tried(bruno, sample)
        assert "clara@customer.test" in found
        assert "Mailbox full" in found
        assert "deniz@customer.test" in found


def test_how_many_failures_would_be_named_otherwise(world: World, bruno: Client) -> None:
    numbers = [_failed(world, reply).pk for reply in (REPLY, "452 4.2.2 full", REPLY, "554 Partner gateway: no entry")]
    typed = {"words": "partner gateway", "cause": "reputation"}
    page = bruno.post("/admin/cause-rules/reread", typed, headers=PART).text
    assert "3 of the last 3 failures" in page  # the temporary one is still being tried
    assert f"/tickets/{numbers[3]}" in page
    save(bruno, "gateway says no", "reputation")
    _failed(world, REPLY)
    changed = {"words": "something else", "cause": "expired", "rule": CauseRule.objects.get().pk}
    page = bruno.post("/admin/cause-rules/reread", changed, headers=PART).text
    assert "1 of the last 4 failures" in page  # what the rule had named, and no longer would
    assert "Type words" in bruno.post("/admin/cause-rules/reread", {"words": "", "cause": ""}, headers=PART).text


def _failed(world: World, reply: str) -> Ticket:
    ticket = world.ticket()
    world.answer(ticket)
    world.outcome(world.delivery_to(world.clara), reply)
    return ticket


def test_the_words_of_a_failure_are_tried_from_its_card(world: World, bruno: Client) -> None:
    _failed(world, REPLY)
    delivery = world.delivery_to(world.clara)
    card = bruno.get(f"/deliveries/{delivery.pk}/card", headers=PART).text
    assert f"/admin/cause-rules/new?delivery={delivery.pk}" in card
    assert REPLY in bruno.get(f"/admin/cause-rules/new?delivery={delivery.pk}").text


def test_in_german(world: World, client: Client) -> None:
    client.force_login(world.bruno)
    assert "Noch keine eigenen Regeln" in client.get("/admin/cause-rules").text
    found = tried(client, "552 5.2.2 Mailbox full")
    assert "Postfach voll" in found
    assert "erkannt an: die Worte „mailbox full“" in found
