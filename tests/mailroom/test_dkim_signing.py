"""Our signatures, judged by dkimpy."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st
from tests.mailroom.test_compose import SAMPLES, outgoing

from mailroom.compose import Composed, compose, for_recipient
from mailroom.dkim_signing import Algorithm, Key, body_hash, make_private_key, read_key, sign

AT = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
KEYS = [
    read_key("acme.example", "r1", make_private_key(Algorithm.RSA)),
    read_key("acme.example", "e1", make_private_key(Algorithm.ED25519)),
]
RECORDS = {f"{key.record_name}.".encode(): key.record.encode() for key in KEYS}


def signed(composed: Composed, keys: list[Key] = KEYS) -> bytes:
    copy = for_recipient(composed, "support+abc234@acme.example", "1-abc")
    return sign(copy, keys, AT, body_hash(copy.body)).octets


def verdicts(octets: bytes) -> list[bool]:
    """What dkimpy says of each signature."""
    mail = dkim.DKIM(octets)
    count = sum(name.lower() == b"dkim-signature" for name, _ in mail.headers)
    return [_verify(mail, number) for number in range(count)]


def _verify(mail: dkim.DKIM, number: int) -> bool:
    try:
        return bool(mail.verify(idx=number, dnsfunc=lambda name, timeout=5: RECORDS.get(name)))
    except dkim.ValidationError:
        return False


@pytest.mark.parametrize("name", SAMPLES)
def test_both_signatures_of_every_kind_of_mail_are_good(name: str) -> None:
    assert verdicts(signed(compose(SAMPLES[name]))) == [True, True]


@given(subject=st.text(max_size=200), text=st.text(max_size=400))
def test_whatever_people_write_the_signatures_are_good(subject: str, text: str) -> None:
    assert verdicts(signed(compose(outgoing(subject=subject, text=text)))) == [True, True]


@pytest.mark.parametrize("body", [b"", b"\r\n", b"a\r\n\r\n\r\n", b"a  b \r\n\r\nc\r\n"])
def test_any_end_of_a_body(body: bytes) -> None:
    assert verdicts(signed(replace(compose(SAMPLES["answer"]), body=body))) == [True, True]


@pytest.mark.parametrize(
    "forged",
    [
        lambda octets: octets.replace(b"\r\n\r\n", b"\r\n\r\nPay here instead: ", 1),
        lambda octets: octets.replace(b"Subject: ", b"Subject: Fwd: ", 1),
        lambda octets: octets.replace(b"From: ", b"From: boss@acme.example\r\nFrom: ", 1),
        lambda octets: octets.replace(b"Reply-To: support", b"Reply-To: thief", 1),
        lambda octets: octets.replace(b"Date: ", b"Cc: more@acme.example\r\nDate: ", 1),
    ],
    ids=["body", "subject", "second-from", "reply-to", "cc-added"],
)
def test_what_is_changed_on_the_way_shows(forged: object) -> None:
    octets = signed(compose(outgoing(cc=[])))
    changed = forged(octets)  # type: ignore[operator]
    assert changed != octets
    assert verdicts(changed) == [False, False]


def test_a_relay_may_fold_anew_and_add_its_trace() -> None:
    octets = b"Received: from a by b; now\r\n" + signed(compose(SAMPLES["answer"]))
    assert verdicts(re.sub(rb"\r\nSubject: (\S+) ", rb"\r\nSubject:   \1\r\n  ", octets)) == [True, True]


def test_a_retry_carries_the_same_octets() -> None:
    composed = compose(SAMPLES["answer"])
    assert signed(composed) == signed(composed)


def test_a_signature_fits_into_lines() -> None:
    header = signed(compose(SAMPLES["answer"])).partition(b"\r\n\r\n")[0]
    assert max(map(len, header.split(b"\r\n"))) <= 90


def test_records_as_a_zone_file_takes_them() -> None:
    rsa_line, ed25519_line = (key.zone_line() for key in KEYS)
    strings = re.findall('"([^"]*)"', rsa_line)
    assert "".join(strings) == KEYS[0].record
    assert all(len(string) <= 255 for string in strings)
    assert rsa_line.startswith("r1._domainkey.acme.example. IN TXT ")
    assert re.fullmatch(
        r'e1\._domainkey\.acme\.example\. IN TXT "v=DKIM1; k=ed25519; p=[A-Za-z0-9+/]{43}="', ed25519_line
    )


def test_another_kind_of_key_is_none() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(ValueError, match="no key for DKIM"):
        read_key("acme.example", "s", private)
