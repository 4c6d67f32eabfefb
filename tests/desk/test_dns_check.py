"""What is made of what DNS says. The questions go to a table; one test asks a real name server on the loopback."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.world import World

from answerback.core import resolver
from answerback.outbound import dkim_keys
from answerback.reports import dns_check
from answerback.reports.dns_check import Finding, Lookup, Verdict
from answerback.workspace.pages import admin_dns

Zone = Mapping[tuple[str, str], Sequence[str]]
SPF = ("acme.test", "TXT")
DMARC = ("_dmarc.acme.test", "TXT")


@pytest.fixture(autouse=True)
def names(world: World, settings: Any) -> None:
    settings.MAIL_DOMAIN, settings.RETURN_PATH_DOMAIN = "desk.acme.test", "bounce.acme.test"
    settings.RELAY_URL = "mx"


def _zone(zone: Zone) -> Lookup:
    return lambda name, kind: zone.get((name, kind), [])


def _told(finding: Finding) -> tuple[str, str, str]:
    return finding.verdict.value, finding.word, finding.wanted


@pytest.mark.parametrize(
    "zone, told",
    [
        ({("acme.test", "MX"): ["10 mx.acme.test."]}, ("good", "mx", "")),
        ({("acme.test", "MX"): ["0 ."]}, ("bad", "null_mx", "")),
        ({("acme.test", "AAAA"): ["2001:db8::1"]}, ("warning", "no_mx_but_address", "")),
        ({}, ("bad", "no_mx", "acme.test. MX 10 desk.acme.test.")),
    ],
)
def test_mail_exchangers(zone: Zone, told: tuple[str, str, str]) -> None:
    assert _told(dns_check.judge_mx("acme.test", _zone(zone))) == told


@pytest.mark.parametrize(
    "zone, verdict",
    [
        ({("bounce.acme.test", "MX"): ["10 mx.acme.test."]}, "good"),
        ({("bounce.acme.test", "A"): ["192.0.2.1"]}, "good"),
        ({("bounce.acme.test", "MX"): ["0 ."]}, "bad"),
        ({}, "bad"),
    ],
)
def test_reports_need_somebody_who_takes_them(zone: Zone, verdict: str) -> None:
    assert dns_check.judge_return_path("bounce.acme.test", _zone(zone)).verdict == verdict


@pytest.mark.parametrize(
    "relay, records, told",
    [
        ("mx", [], ("bad", "no_spf", 'acme.test. TXT "v=spf1 a:desk.acme.test ~all"')),
        ("mx", ["google-site-verification=x"], ("bad", "no_spf", 'acme.test. TXT "v=spf1 a:desk.acme.test ~all"')),
        ("mx", ["v=spf1 mx -all"], ("good", "spf", "")),
        ("mx", ["V=SPF1 MX -ALL"], ("good", "spf", "")),
        ("mx", ["v=spf10 mx -all"], ("bad", "no_spf", 'acme.test. TXT "v=spf1 a:desk.acme.test ~all"')),
        ("mx", ["v=spf1 mx -all", "v=spf1 a -all"], ("bad", "several_spf", "")),
        ("mx", ["v=spf1 +all"], ("warning", "spf_everybody", "")),
        ("smtp://relay.isp.test", [], ("bad", "no_spf", 'acme.test. TXT "v=spf1 a:relay.isp.test ~all"')),
        ("smtp://relay.isp.test", ["v=spf1 a -all"], ("good", "spf", "")),
        ("smtp://127.0.0.1:25", [], ("bad", "no_spf", 'acme.test. TXT "v=spf1 a:desk.acme.test ~all"')),
        ("smtp://localhost", [], ("bad", "no_spf", 'acme.test. TXT "v=spf1 a:desk.acme.test ~all"')),
        ("smtp://192.0.2.7", [], ("bad", "no_spf", 'acme.test. TXT "v=spf1 ip4:192.0.2.7 ~all"')),
        ("smtp://[2001:db8::7]", [], ("bad", "no_spf", 'acme.test. TXT "v=spf1 ip6:2001:db8::7 ~all"')),
        (
            "submission://smtp.office365.com",
            ["v=spf1 a -all"],
            ("warning", "spf_without_relay", "include:spf.protection.outlook.com"),
        ),
        ("submission://smtp.gmail.com", ["v=spf1 include:_spf.google.com ~all"], ("good", "spf", "")),
        ("submission://smtp.gmail.com", ["v=spf1 redirect=_spf.acme.test"], ("good", "spf", "")),
    ],
)
def test_spf(relay: str, records: list[str], told: tuple[str, str, str], settings: Any) -> None:
    settings.RELAY_URL = relay
    assert _told(dns_check.judge_spf("acme.test", _zone({SPF: records}))) == told


@pytest.mark.parametrize(
    "records, bounce, told",
    [
        (["v=DMARC1; p=none"], "bounce.acme.test", ("good", "dmarc", "")),
        ([], "bounce.acme.test", ("warning", "no_dmarc", '_dmarc.acme.test. TXT "v=DMARC1; p=none"')),
        (["v=DMARC1; p=none", "v=DMARC1; p=reject"], "bounce.acme.test", ("bad", "several_dmarc", "")),
        (["v=DMARC1; p=reject"], "bounce.elsewhere.example", ("warning", "dmarc_not_aligned", "")),
    ],
)
def test_dmarc(records: list[str], bounce: str, told: tuple[str, str, str], settings: Any) -> None:
    settings.RETURN_PATH_DOMAIN = bounce
    assert _told(dns_check.judge_dmarc("acme.test", _zone({DMARC: records}))) == told


def test_a_subdomain_has_the_policy_of_its_organisation() -> None:
    finding = dns_check.judge_dmarc("help.acme.test", _zone({DMARC: ["v=DMARC1; p=reject"]}))
    assert (finding.verdict, finding.name) == (Verdict.GOOD, "_dmarc.acme.test")


def test_dkim_from_nothing_to_signing(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert dns_check.judge_dkim("acme.test", _zone({})).word == "no_dkim"
    settings.RELAY_URL = "smtp://relay.isp.test"
    assert dns_check.judge_dkim("acme.test", _zone({})).verdict == Verdict.UNKNOWN
    dkim_keys.make("acme.test")
    waits = dns_check.judge_dkim("acme.test", _zone({}))
    assert (waits.verdict, waits.word) == (Verdict.WARNING, "dkim_waits")
    published = {(key.record_name, "TXT"): [key.record] for key in dkim_keys.keys_waiting("acme.test")}
    assert waits.wanted in {f'{name}. TXT "{record[0]}"' for (name, _), record in published.items()}
    assert dns_check.judge_dkim("acme.test", _zone(published)).word == "dkim_to_start"
    monkeypatch.setattr(dkim_keys, "is_published", lambda key: True)
    dkim_keys.start("acme.test")
    assert dns_check.judge_dkim("help.acme.test", _zone(published)).verdict == Verdict.GOOD
    assert dns_check.judge_dkim("acme.test", _zone({})).word == "dkim_missing"


@pytest.mark.parametrize(
    "zone, word",
    [
        ({}, "no_address"),
        ({("desk.acme.test", "A"): ["192.0.2.1"]}, "reverse_differs"),
        (
            {("desk.acme.test", "A"): ["192.0.2.1"], ("1.2.0.192.in-addr.arpa", "PTR"): ["Desk.Acme.test."]},
            "reverse",
        ),
        ({("desk.acme.test", "A"): ["192.0.2.1"], ("1.2.0.192.in-addr.arpa", "PTR"): ["dsl.isp."]}, "reverse_differs"),
    ],
)
def test_the_name_of_our_address(zone: Zone, word: str) -> None:
    assert dns_check.judge_reverse("desk.acme.test", _zone(zone)).word == word


def test_no_answer_claims_nothing() -> None:
    def silent(name: str, kind: str) -> list[str]:
        raise resolver.NoAnswerError(name)

    found = [finding for findings in dns_check.look(silent).values() for finding in findings]
    assert {finding.verdict for finding in found if finding.word != "no_dkim"} == {Verdict.UNKNOWN}


def test_what_is_looked_at_depends_on_how_mail_leaves(settings: Any) -> None:
    assert list(dns_check.look(_zone({}))) == ["acme.test", "bounce.acme.test", "desk.acme.test"]
    settings.RELAY_URL, settings.RETURN_PATH = "submission://smtp.office365.com", "fixed"
    [(domain, found)] = dns_check.look(_zone({})).items()
    assert domain == "acme.test"
    assert "spf" in {finding.subject for finding in found}


def test_every_word_of_a_finding_has_a_sentence() -> None:
    source = Path(dns_check.__file__).read_text()
    said = set(re.findall(r'Verdict\.[A-Z]+(?:, |\) if .* else \(Verdict\.[A-Z]+, )"(\w+)"', source))
    said |= set(re.findall(r'"(dkim_\w+|reverse\w*|no_dkim)"', source))
    assert said == set(admin_dns.WORDS)
