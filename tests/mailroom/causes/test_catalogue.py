"""The catalogue is complete in both languages, and no rule of it is dead."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from mailroom.causes.catalogue import GROUPS, LANGUAGES, Cause, Fix, Hardness, StatusCode, Who, load
from mailroom.causes.classify import classify
from mailroom.causes.zendesk import statuses
from mailroom.report import Action, DeliveryReport, Source
from mailroom.status import EnhancedStatus

CATALOGUE = load()
CAUSES = list(CATALOGUE.causes.values())
FAILURES = [cause for cause in CAUSES if cause.group != "quiet"]
RULES = [
    (cause.key, phrase)
    for cause in CAUSES
    for phrases in (cause.wording, cause.phrases, cause.weak)
    for phrase in phrases
]

# design: 28 causes by who can act, provider_suppressed beside them, and what is no failure
EXPECTED = {
    "agent": "address_unknown domain_unknown domain_no_mail address_syntax address_moved message_too_big "
    "content_refused unknown",
    "customer": "mailbox_full mailbox_disabled recipient_restricted local_delivery routing_loop relay_denied",
    "admin": "auth_policy reverse_dns reputation spam_content policy_refused sender_refused provider_suppressed "
    "tls_required login_refused protocol_error",
    "retry": "rate_limited greylisted connection_failed dns_failure system_error expired",
    "quiet": "delivered relayed delayed autoreply challenge complaint mdn suppressed",
}


def test_all_causes_are_there() -> None:
    found = {group: {cause.key for cause in CAUSES if cause.group == group} for group in GROUPS}
    assert found == {group: set(keys.split()) for group, keys in EXPECTED.items()}
    assert len(FAILURES) == 29 + 1


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.key)
def test_an_agent_can_read_it_in_both_languages(cause: Cause) -> None:
    assert set(cause.words) == set(LANGUAGES)
    for language, words in cause.words.items():
        assert words.name
        assert not words.name.endswith("."), "stands before the code in the banner"
        assert len(words.name) <= 60
        for text in (words.sentence, words.explanation):
            assert text == text.strip()
            assert text.endswith(".")
            assert not re.search(r"\b(?:SMTP|MTA|RFC|DSN)\b", text), "plain words for agents"
        assert words.sentence.count(". ") == 0, "one sentence"
        assert not re.search(r"\b(?:du|dein|deine|dir|dich)\b", f"{words.sentence} {words.explanation}")
        assert words.name[0].isupper() == (language == "de")
    assert cause.text("de-AT").name == cause.name["de"]
    assert cause.text("fr").name == cause.name["en"]
    assert cause.words["en"] != cause.words["de"]


@pytest.mark.parametrize("cause", FAILURES, ids=lambda cause: cause.key)
def test_a_failure_can_be_mended_and_at_last_marked_handled(cause: Cause) -> None:
    assert cause.fixes[-1] is Fix.MARK_HANDLED
    assert len(set(cause.fixes)) == len(cause.fixes) >= 3
    if cause.who is Who.ADMIN:
        assert Fix.TELL_ADMIN in cause.fixes
    if cause.hardness is Hardness.HARD:
        assert {Fix.RESEND, Fix.RETRY_NOW}.isdisjoint(cause.fixes), "the same mail will not work"


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.key)
def test_the_zendesk_id_exists(cause: Cause) -> None:
    assert cause.zendesk_status_id in statuses()


def test_a_cause_of_a_newer_version_reads_as_unknown() -> None:
    assert CATALOGUE.cause("made_up").key == "unknown"


def test_the_order_names_every_cause_with_rules_once() -> None:
    with_rules = {key for key, _ in RULES}
    assert set(CATALOGUE.order) == with_rules
    assert len(CATALOGUE.order) == len(set(CATALOGUE.order))


def test_no_rule_stands_twice() -> None:
    assert [rule for rule, times in Counter(phrase for _, phrase in RULES).items() if times > 1] == []


def test_rules_are_written_as_text_is_matched() -> None:
    for _, phrase in RULES:
        assert phrase == phrase.lower()
        assert phrase.count("*") <= 1
        assert not phrase.startswith((" ", "*"))
        assert "  " not in phrase
        assert len(phrase) >= 2


def test_every_rule_can_be_reached() -> None:
    """Given nothing but its own words, a rule names its own cause: no earlier one stands before it."""
    dead = []
    for key, phrase in RULES:
        text = phrase.replace("*", " something ") + " x"
        verdict = classify(DeliveryReport("", Action.FAILED, diagnostic=text, source=Source.REPORT))
        if verdict.cause != key:
            dead.append((key, phrase, verdict))
    assert dead == []


def test_every_code_has_a_cause_and_a_meaning_in_both_languages() -> None:
    for entry in CATALOGUE.status_codes:
        assert entry.cause in CATALOGUE.causes
        assert set(entry.meaning) == set(LANGUAGES)
        assert entry.meaning["en"].endswith(".")
        assert entry.meaning["de"].endswith(".")
        assert re.fullmatch(r"[X245]\.\d\.\d{1,3}(-\d{1,3})?", entry.code)
        assert bool(entry.name) == (entry.code.startswith("X") and not entry.vendor)
        assert not entry.vendor or entry.vendor in CATALOGUE.vendor_hosts
    for reply in CATALOGUE.reply_codes:
        assert reply.cause in CATALOGUE.causes
        assert 400 <= reply.code <= 599


def test_no_code_stands_twice() -> None:
    status_codes = Counter((entry.code, entry.vendor) for entry in CATALOGUE.status_codes)
    reply_codes = Counter((reply.code, reply.stage) for reply in CATALOGUE.reply_codes)
    assert [code for code, times in (status_codes + reply_codes).items() if times > 1] == []


def test_all_registered_codes_are_there() -> None:
    """RFC 3463 and its successors: the last detail of each subject in the IANA registry."""
    registered = {entry.code for entry in CATALOGUE.status_codes if entry.name}
    last = {0: 0, 1: 10, 2: 4, 3: 6, 4: 7, 5: 6, 6: 10, 7: 30}
    assert registered == {f"X.{subject}.{detail}" for subject, end in last.items() for detail in range(end + 1)}


@pytest.mark.parametrize(
    "entry",
    [entry for entry in CATALOGUE.status_codes if "-" not in entry.code and not entry.vague],
    ids=lambda e: e.code,
)
def test_a_code_alone_names_its_cause(entry: StatusCode) -> None:
    status = EnhancedStatus.parse(entry.code.replace("X", "5"))
    host = CATALOGUE.vendor_hosts[entry.vendor][0] if entry.vendor else ""
    report = DeliveryReport("", Action.FAILED, status=status, remote_mta=host, source=Source.REPORT)
    assert classify(report).cause == entry.cause
