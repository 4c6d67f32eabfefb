"""Whose domain vouches for a mail. Signatures are real ones, DNS is a table."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from mailroom.authentication import Authentication, LookupFailed, authenticate, from_headers, organisation
from mailroom.message import Mail, parse

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PRIVATE = KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
)
PUBLIC = base64.b64encode(
    KEY.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
).decode()

MAIL = b"From: Clara <clara@kunde.example>\r\nTo: support@hilfe.example\r\nSubject: Frage\r\n\r\nGuten Tag\r\n"
MX = "192.0.2.10"
STRANGER = "203.0.113.66"
Names = Mapping[tuple[str, str], Sequence[str]]
NAMES: Names = {
    ("kunde.example", "TXT"): ["unrelated", "v=spf1 mx ip4:198.51.100.0/24 -all"],
    ("kunde.example", "MX"): ["10 mx.kunde.example."],
    ("mx.kunde.example", "A"): [MX],
    ("s1._domainkey.kunde.example", "TXT"): [f"v=DKIM1; k=rsa; p={PUBLIC}"],
    ("s1._domainkey.news.kunde.example", "TXT"): [f"v=DKIM1; p={PUBLIC}"],
    ("s1._domainkey.other.example", "TXT"): [f"v=DKIM1; p={PUBLIC}"],
    ("other.example", "TXT"): [f"v=spf1 ip4:{MX} -all"],
    ("news.kunde.example", "TXT"): [f"v=spf1 ip4:{MX} -all"],
}
DMARC = ("_dmarc.kunde.example", "TXT")


def dns(names: Names) -> Callable[[str, str], Sequence[str]]:
    return lambda name, kind: names.get((name, kind), [])


def signed(mail: bytes = MAIL, domain: str = "kunde.example", **options: object) -> bytes:
    return dkim.sign(mail, b"s1", domain.encode(), PRIVATE, **options) + mail


def check(raw: bytes, ip: str = STRANGER, mail_from: str = "x@bulk.example", names: Names = NAMES) -> Authentication:
    return authenticate(raw, ip, "mx.kunde.example", mail_from, dns(names))


def test_spf_of_the_same_domain_vouches() -> None:
    assert check(MAIL, MX, "clara@kunde.example") == Authentication("pass", (), "none", True, "kunde.example")


def test_a_signature_of_the_same_domain_vouches() -> None:
    assert check(signed()) == Authentication("none", ("kunde.example",), "none", True, "kunde.example")


def test_the_same_organisation_vouches_unless_its_record_is_strict() -> None:
    by_news = signed(domain="news.kunde.example")
    assert check(by_news).aligned
    assert check(MAIL, MX, "x@news.kunde.example").aligned
    strict = {**NAMES, DMARC: ["v=DMARC1; p=none; adkim=s; aspf=s"]}
    assert not check(by_news, names=strict).aligned
    assert not check(MAIL, MX, "x@news.kunde.example", strict).aligned
    assert check(signed(), names=strict).aligned


@pytest.mark.parametrize(
    "raw, ip, mail_from, spf",
    [
        (MAIL, STRANGER, "clara@kunde.example", "fail"),
        (MAIL, STRANGER, "x@bulk.example", "none"),
        (MAIL, MX, "x@other.example", "pass"),  # passes, for somebody else
        (signed(domain="other.example"), STRANGER, "", "none"),
        (signed().replace(b"Guten Tag", b"Zahlen Sie"), STRANGER, "x@bulk.example", "none"),
        (signed().replace(b"Subject: Frage", b"Subject: Geld"), STRANGER, "x@bulk.example", "none"),
        (b"From: agent@hilfe.example\r\n" + signed(), STRANGER, "x@bulk.example", "none"),
        (signed(length=True) + b"more\r\n", STRANGER, "x@bulk.example", "none"),
        (signed(domain="example"), STRANGER, "", "none"),
    ],
)
def test_nobody_else_vouches(raw: bytes, ip: str, mail_from: str, spf: str) -> None:
    found = authenticate(raw, ip, "unknown.invalid", mail_from, dns(NAMES))
    assert (found.spf, found.aligned) == (spf, False)


def test_a_signature_over_a_part_of_the_body_does_not_count_even_where_the_part_is_all() -> None:
    assert check(signed(length=True)).dkim_domains == ()


def test_several_authors_have_nobody_to_vouch_for_them() -> None:
    two = MAIL.replace(b"<clara@kunde.example>", b"<clara@kunde.example>, agent@hilfe.example")
    assert check(signed(two), MX, "clara@kunde.example") == Authentication(
        "pass", ("kunde.example",), "none", False, ""
    )


@pytest.mark.parametrize("mail_from", ["", "<>"])
def test_the_null_path_is_checked_by_helo(mail_from: str) -> None:
    names = {**NAMES, ("mx.kunde.example", "TXT"): [f"v=spf1 ip4:{MX} -all"]}
    assert check(MAIL, MX, mail_from, names) == Authentication("pass", (), "none", True, "kunde.example")


@pytest.mark.parametrize(
    "record, raw, dmarc",
    [
        ("v=DMARC1; p=reject", signed(), "pass"),
        ("v=DMARC1; p=reject", MAIL, "fail"),
        ("v=spf1 -all", signed(), "none"),
    ],
)
def test_the_record_of_the_domain(record: str, raw: bytes, dmarc: str) -> None:
    assert check(raw, names={**NAMES, DMARC: [record]}).dmarc == dmarc


def test_the_record_of_the_organisation_stands_in() -> None:
    raw = MAIL.replace(b"@kunde", b"@vertrieb.kunde")
    assert check(raw, names={**NAMES, DMARC: ["v=DMARC1; p=none"]}).dmarc == "fail"


def test_dns_that_gives_no_answer_vouches_for_nobody() -> None:
    def broken(name: str, kind: str) -> Sequence[str]:
        raise LookupFailed("timed out")

    assert authenticate(signed(), MX, "mx.kunde.example", "clara@kunde.example", broken) == Authentication(
        "temperror", (), "temperror", False, "kunde.example"
    )


def test_a_mail_asks_only_so_many_questions() -> None:
    asked = []

    def greedy(name: str, kind: str) -> Sequence[str]:
        asked.append(name)
        if kind == "TXT":
            return [f"v=spf1 include:a{len(asked)}.example include:b{len(asked)}.example mx -all"]
        return [f"10 mx{n}.example" for n in range(10)] if kind == "MX" else [STRANGER]

    many = b"".join(dkim.sign(MAIL, b"s1", f"d{n}.example".encode(), PRIVATE) for n in range(20)) + MAIL
    authenticate(many, MX, "h.example", "a@b.example", greedy)
    assert len(asked) <= 60


@pytest.mark.parametrize(
    "domain, expected",
    [
        ("a.b.kunde.de", "kunde.de"),
        ("kunde.co.uk", "kunde.co.uk"),
        ("co.uk", ""),
        ("a.sandbox.test", "sandbox.test"),
        ("", ""),
    ],
)
def test_organisations(domain: str, expected: str) -> None:
    assert organisation(domain) == expected


# Authentication-Results

OURS = "mx.hilfe.example"


def received(*fields: str, sender: str = "clara@kunde.example") -> Mail:
    return parse("\n".join([*fields, f"From: {sender}", "", "Text"]).encode())


@pytest.mark.parametrize(
    "results, aligned",
    [
        ("dmarc=pass (p=reject) header.from=kunde.example", True),
        ("dmarc=pass header.from=other.example", False),
        ("dmarc=fail header.from=kunde.example; spf=pass smtp.mailfrom=x@kunde.example", False),
        ("dkim=pass header.d=kunde.example header.s=s1", True),
        ("dkim=pass (2048-bit key; unprotected) header.i=@news.kunde.example", True),
        ("dkim=fail header.d=kunde.example", False),
        ("dkim=pass header.d=other.example; spf=fail smtp.mailfrom=clara@kunde.example", False),
        ('spf=pass (mx: "ok; fine") smtp.mailfrom="clara@kunde.example"', True),
        ("spf=pass smtp.mailfrom=kunde.example; dmarc=none", True),
        ('spf=pass reason="smtp.mailfrom=kunde.example" smtp.mailfrom=other.example', False),
        ("none", False),
        ("", False),
    ],
)
def test_our_own_server_is_believed(results: str, aligned: bool) -> None:
    assert from_headers(received(f"Authentication-Results: {OURS}; {results}"), OURS).aligned is aligned


FORGED = f"Authentication-Results: {OURS}; dmarc=pass header.from=kunde.example"


@pytest.mark.parametrize(
    "fields",
    [
        [FORGED.replace(OURS, "mx.evil.example")],
        [FORGED.replace(OURS, f"{OURS}.evil.example")],
        [FORGED.replace(OURS, f"({OURS}) evil.example")],
        [f"Authentication-Results: {OURS}; dmarc=fail", "Received: by mx.hilfe.example", FORGED],
        ["Authentication-Results: mx.other.example; spf=none", FORGED],
        [f"Authentication-Results: {OURS}; spf=fail", "Authentication-Results: x; spf=none", FORGED],
        [FORGED.replace("Authentication-Results", "X-Authentication-Results")],
    ],
)
def test_nobody_else_is_believed(fields: list[str]) -> None:
    assert not from_headers(received(*fields), OURS).aligned


def test_several_fields_of_our_server_count_together() -> None:
    mail = received(
        "Received: by store.hilfe.example",
        f"Authentication-Results: {OURS}; spf=softfail smtp.mailfrom=x@y.example",
        f"Authentication-Results: {OURS.upper()}; dkim=pass header.d=KUNDE.example",
    )
    assert from_headers(mail, OURS) == Authentication("softfail", ("kunde.example",), "none", True, "kunde.example")


def test_without_a_name_of_our_server_nothing_is_believed() -> None:
    assert not from_headers(received("Authentication-Results: ; dmarc=pass header.from=kunde.example"), "").aligned


@settings(deadline=None)
@given(st.binary(), st.text(max_size=20), st.text(max_size=20), st.text(max_size=40), st.text(max_size=40))
def test_checking_never_raises(raw: bytes, ip: str, helo: str, mail_from: str, record: str) -> None:
    mail = b"DKIM-Signature: " + record.encode() + b"\r\n" + raw
    names = ["v=spf1 " + record, "v=DMARC1; " + record, "v=DKIM1; p=" + record]
    authenticate(mail, ip, helo, mail_from, lambda name, kind: names if kind == "TXT" else [])


@given(st.text(), st.text())
def test_reading_results_never_raises(value: str, authserv_id: str) -> None:
    mail = Mail(fields=[("Authentication-Results", value), ("Authentication-Results", f"{authserv_id};{value}")])
    assert not from_headers(mail, authserv_id).aligned
