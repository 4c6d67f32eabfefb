"""An administrator's own rules come first, and a mistake in them is told in one line."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.causes.classify import classify
from mailroom.causes.own import BadRuleError, BadRulesError, OwnRule, Problem, hidden_by, own_rule, read_rules
from mailroom.report import Action, DeliveryReport, Source, Stage

FILE = """
[[rule]]
words = "Partner  gateway says no"
cause = "reputation"

[[rule]]
words = "ticket * at our partner"
cause = "recipient_restricted"
"""


def cause_of(text: str, own: Sequence[OwnRule] = (), **fields: object) -> str:
    return classify(DeliveryReport("", Action.FAILED, diagnostic=text, **fields), own).cause  # type: ignore[arg-type]


def test_they_win_over_everything_said_in_words_and_codes() -> None:
    reply, own = "550 5.1.1 User unknown: the partner gateway says no", read_rules(FILE)
    assert cause_of(reply, source=Source.REPORT) == "address_unknown"
    assert cause_of(reply, own, source=Source.REPORT) == "reputation"
    assert cause_of(reply, own, source=Source.SESSION, stage=Stage.RCPT) == "reputation"
    assert cause_of(reply, own, cause="provider_suppressed") == "reputation"
    assert cause_of("554 spam: open a ticket 4711 at our partner", own) == "recipient_restricted"
    assert cause_of("550 5.2.2 mailbox full", own) == "mailbox_full"


def test_what_they_name_stays_so_wherever_it_was_said() -> None:
    """Of the catalogue, a word about the recipient that answers MAIL FROM is about us; who writes a rule knows."""
    own = [OwnRule("no such partner", "address_unknown")]
    assert cause_of("550 no such partner", own, stage=Stage.MAIL) == "address_unknown"


def test_the_first_that_fits_counts_and_tells_its_words() -> None:
    own = [OwnRule("says no", "policy_refused"), OwnRule("gateway says no", "reputation")]
    verdict = classify(DeliveryReport("", Action.FAILED, diagnostic="550 the gateway says no"), own)
    assert (verdict.cause, verdict.rule) == ("policy_refused", "own:says no")


@pytest.mark.parametrize("action", [Action.DELIVERED, Action.RELAYED, Action.COMPLAINT])
def test_success_is_no_failure_whatever_the_rules_say(action: Action) -> None:
    report = DeliveryReport("", action, diagnostic="partner gateway says no")
    assert classify(report, read_rules(FILE)) == classify(report)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("  Partner\tGateway ", "partner gateway"),
        ("the server\u2019s \u201cno\u201d", 'the server\'s "no"'),
        ("a ** b * ", "a * b"),
    ],
)
def test_words_are_taken_as_text_is_read(typed: str, words: str) -> None:
    assert own_rule(typed, "reputation").words == words


@pytest.mark.parametrize(
    ("words", "cause", "problem"),
    [
        ("", "reputation", Problem.FEW_WORDS),
        ("no", "reputation", Problem.FEW_WORDS),
        ("***", "reputation", Problem.FEW_WORDS),
        ("*says no", "reputation", Problem.GAP_FIRST),
        ("a*b*c*d*e*f*g", "reputation", Problem.MANY_GAPS),
        ("x" * 301, "reputation", Problem.LONG),
        ("says no", "bad_luck", Problem.NO_CAUSE),
        ("says no", "delivered", Problem.NO_CAUSE),
    ],
)
def test_what_is_wrong_with_a_rule_is_a_word(words: str, cause: str, problem: Problem) -> None:
    with pytest.raises(BadRuleError) as told:
        own_rule(words, cause)
    assert told.value.problem is problem


@pytest.mark.parametrize(
    ("earlier", "later", "hides"),
    [
        ("says no", "gateway says no", True),
        ("gateway says no", "says no", False),
        ("says no", "says no", True),
        ("gateway * no", "the gateway says no", True),
        ("gateway * no", "gateway * a no", False),  # the later gap may be longer than the earlier one allows
        ("gate", "gateway", True),
        ("way", "gateway", False),  # words begin at the start of a word
        ("way", "gate*way", False),  # "gateway" fits the later one only
        ("entry", "gateway * no entry", True),
    ],
)
def test_a_rule_that_an_earlier_one_hides(earlier: str, later: str, hides: bool) -> None:
    first, second = OwnRule(earlier, "reputation"), OwnRule(later, "policy_refused")
    assert hidden_by(second, [OwnRule("other", "expired"), first]) == (first if hides else None)


@given(st.lists(st.sampled_from(["no", "entry", "gateway", " ", "*", "-"]), min_size=1, max_size=8).map("".join))
def test_what_hides_fits_wherever_the_hidden_one_does(words: str) -> None:
    """Whatever a reply has in the gaps, it meets the earlier rule first."""
    try:
        later = own_rule(words, "reputation")
    except BadRuleError:
        return
    for text in ("gateway", "no entry", "entry", "no*entry", "gateway*no"):
        earlier = own_rule(text, "policy_refused")
        if hidden_by(later, [earlier]):
            for gap in ("", " ", "x", " y ", " " + "z" * 58 + " "):
                reply = later.words.replace("*", gap)
                assert cause_of(reply, [earlier, later]) in ("policy_refused", cause_of(reply))


def test_gaps_cost_no_more_than_their_share() -> None:
    """Each gap tried with each length of the others would take years."""
    greedy = own_rule("a*a*a*a*a*zzz", "reputation")
    assert not greedy.phrase.fits("a " * 4000 + "-" * 61 + "zzz")
    assert greedy.phrase.fits("a " * 4000 + "-" * 59 + "zzz")


def test_a_short_beginning_is_found_within_a_longer_word() -> None:
    assert cause_of("550 noentry", [OwnRule("no*entry", "reputation")]) == "reputation"


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
