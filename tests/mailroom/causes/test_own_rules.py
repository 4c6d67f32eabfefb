"""An administrator's own rules come first, and a mistake in them is told in one line."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mailroom.causes.classify import classify, use_own_rules
from mailroom.causes.own import BadRulesError, OwnRule, read_rules
from mailroom.report import Action, DeliveryReport, Source, Stage

FILE = """
[[rule]]
words = "Partner  gateway says no"
cause = "reputation"

[[rule]]
words = "ticket * at our partner"
cause = "recipient_restricted"
"""


@pytest.fixture(autouse=True)
def nobody_elses() -> Iterator[None]:
    yield
    use_own_rules(())


def cause_of(text: str, **fields: object) -> str:
    return classify(DeliveryReport("", Action.FAILED, diagnostic=text, **fields)).cause  # type: ignore[arg-type]


def test_they_win_over_everything_said_in_words_and_codes() -> None:
    reply = "550 5.1.1 User unknown: the partner gateway says no"
    assert cause_of(reply, source=Source.REPORT) == "address_unknown"
    use_own_rules(read_rules(FILE))
    assert cause_of(reply, source=Source.REPORT) == "reputation"
    assert cause_of(reply, source=Source.SESSION, stage=Stage.RCPT) == "reputation"
    assert cause_of("554 spam: open a ticket 4711 at our partner") == "recipient_restricted"
    assert cause_of("550 5.2.2 mailbox full") == "mailbox_full"


def test_the_first_that_fits_counts_and_tells_its_words() -> None:
    use_own_rules([OwnRule("says no", "policy_refused"), OwnRule("gateway says no", "reputation")])
    verdict = classify(DeliveryReport("", Action.FAILED, diagnostic="550 the gateway says no"))
    assert (verdict.cause, verdict.rule) == ("policy_refused", "own:says no")


def test_success_is_no_failure_whatever_the_rules_say() -> None:
    use_own_rules(read_rules(FILE))
    assert classify(DeliveryReport("", Action.DELIVERED, diagnostic="partner gateway says no")).cause == "delivered"


@pytest.mark.parametrize(
    ("toml", "problem"),
    [
        ("[[rule]", "no TOML"),
        ("rule = 3", "[[rule]]"),
        ('[[rule]]\nwords = "no"\ncause = "reputation"', "rule 1 needs words"),
        ('[[rule]]\nwords = "*any"\ncause = "reputation"', "rule 1 needs words"),
        ('[[rule]]\ncause = "reputation"', "rule 1 needs words"),
        ('[[rule]]\nwords = "says no"\ncause = "bad_luck"', "'bad_luck', which does not exist"),
        ('[[rule]]\nwords = "says no"', "does not exist"),
    ],
)
def test_a_mistake_is_told_in_one_line(toml: str, problem: str) -> None:
    with pytest.raises(BadRulesError) as told:
        read_rules(toml)
    assert problem in str(told.value)
    assert "\n" not in str(told.value)


def test_no_file_no_rules() -> None:
    assert read_rules("") == ()
