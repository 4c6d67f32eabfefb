"""Signed marks: what we sign we can read, and nothing else passes."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.return_path import (
    REPLY_TOKEN_LENGTH,
    Reading,
    Verdict,
    read_delivery_token,
    read_message_id,
    read_reply_token,
    read_return_path,
    sign_delivery_token,
    sign_message_id,
    sign_reply_token,
    sign_return_path,
)

SECRET = bytes(range(32))
OTHER = bytes(reversed(range(32)))
KEYS = {0: OTHER, 7: SECRET}
DAY = date(2026, 11, 3)
UUID = "01jbzq6t4v8w3k5m9n2p7r1s0x"
NOT_OURS = Reading(None, Verdict.NOT_OURS)
FORGED = Reading(None, Verdict.FORGED)

delivery_ids = st.integers(0, 2**63 - 1)
short_ids = st.integers(0, 2**40 - 1)
PRINTABLE = [chr(code) for code in range(0x20, 0x7F)]


def _altered(text: str, place: int, letter: str) -> str:
    place %= len(text)
    return text[:place] + letter + text[place + 1 :]


@given(delivery_ids, st.dates(date(2020, 1, 1), date(2150, 1, 1)))
def test_a_return_path_is_read_again_in_any_case(delivery_id: int, issued: date) -> None:
    local_part = sign_return_path(delivery_id, issued, 7, SECRET)
    assert len(local_part) <= 64
    assert local_part == local_part.lower()
    for spelling in (local_part, local_part.upper(), local_part.title()):
        assert read_return_path(spelling, KEYS, issued) == Reading(delivery_id, Verdict.VALID)


@pytest.mark.parametrize(
    "age, verdict",
    [(-1, "valid"), (0, "valid"), (59, "valid"), (60, "valid"), (61, "expired"), (4000, "expired")],
)
def test_a_return_path_is_good_for_sixty_days(age: int, verdict: str) -> None:
    local_part = sign_return_path(12, DAY, 7, SECRET)
    assert read_return_path(local_part, KEYS, DAY + timedelta(days=age)) == Reading(12, Verdict(verdict))


def test_an_age_of_our_own() -> None:
    local_part = sign_return_path(12, DAY, 7, SECRET)
    assert read_return_path(local_part, KEYS, DAY + timedelta(days=8), max_age_days=7).verdict is Verdict.EXPIRED


@given(delivery_ids, st.integers(0, 63), st.sampled_from(PRINTABLE))
def test_a_return_path_with_any_other_letter_is_refused(delivery_id: int, place: int, letter: str) -> None:
    local_part = sign_return_path(delivery_id, DAY, 7, SECRET)
    altered = _altered(local_part, place, letter)
    if altered.lower() != local_part:
        assert read_return_path(altered, KEYS, DAY) in (FORGED, NOT_OURS)


@pytest.mark.parametrize("letter", "abcdefghijklmnopqrstuvwxyz234567")
def test_the_unused_bits_of_the_last_letter_are_no_way_in(letter: str) -> None:
    local_part = sign_return_path(12, DAY, 7, SECRET)
    altered = local_part[:-1] + letter
    assert (read_return_path(altered, KEYS, DAY).verdict is Verdict.VALID) == (altered == local_part)


@pytest.mark.parametrize(
    "local_part, verdict",
    [
        ("", "not_ours"),
        ("anna", "not_ours"),
        ("b-", "not_ours"),
        ("b-smith", "not_ours"),
        ("b-" + "a" * 43, "not_ours"),
        ("b-" + "a" * 44, "forged"),
        ("b-" + "1" * 44, "forged"),
        ("b-" + "K" * 44, "forged"),  # KELVIN SIGN, whose lower case is k
        ("b-" + "=" * 44, "forged"),
        ("c-" + "a" * 44, "not_ours"),
    ],
)
def test_local_parts_that_are_not_ours(local_part: str, verdict: str) -> None:
    assert read_return_path(local_part, KEYS, DAY) == Reading(None, Verdict(verdict))


def test_a_key_that_is_gone_or_another() -> None:
    local_part = sign_return_path(12, DAY, 7, SECRET)
    assert read_return_path(local_part, {}, DAY) == FORGED
    assert read_return_path(local_part, {7: OTHER}, DAY) == FORGED


@given(delivery_ids)
def test_a_delivery_token_is_read_again(delivery_id: int) -> None:
    token = sign_delivery_token(delivery_id, 7, SECRET)
    assert read_delivery_token(f" {token.upper()}\r\n", KEYS) == Reading(delivery_id, Verdict.VALID)


@given(delivery_ids, st.integers(0, 63), st.sampled_from(PRINTABLE))
def test_a_delivery_token_with_any_other_letter_is_refused(delivery_id: int, place: int, letter: str) -> None:
    token = sign_delivery_token(delivery_id, 7, SECRET)
    altered = _altered(token, place, letter)
    if altered.lower() != token:
        assert read_delivery_token(altered, KEYS) in (FORGED, NOT_OURS)


@given(short_ids)
def test_a_reply_token_is_read_again(participation_id: int) -> None:
    token = sign_reply_token(participation_id, 7, SECRET)
    assert len(token) == REPLY_TOKEN_LENGTH
    assert read_reply_token(token.upper(), KEYS) == participation_id


@given(short_ids, st.integers(0, 35), st.sampled_from(PRINTABLE))
def test_a_reply_token_with_any_other_letter_is_refused(participation_id: int, place: int, letter: str) -> None:
    token = sign_reply_token(participation_id, 7, SECRET)
    altered = _altered(token, place, letter)
    if altered.lower() != token:
        assert read_reply_token(altered, KEYS) is None


@given(short_ids, st.uuids())
def test_a_message_id_is_read_again(ticket_id: int, uuid: object) -> None:
    message_id = sign_message_id(ticket_id, str(uuid), 7, SECRET, "mail.example.org")
    assert message_id.startswith("<")
    assert message_id.endswith("@mail.example.org>")
    assert read_message_id(message_id, KEYS) == ticket_id
    assert read_message_id(f" {message_id.strip('<>')} ", KEYS) == ticket_id


@given(short_ids, st.integers(1, 62), st.sampled_from(PRINTABLE))
def test_a_message_id_with_any_other_letter_is_refused(ticket_id: int, place: int, letter: str) -> None:
    message_id = sign_message_id(ticket_id, UUID, 7, SECRET, "mail.example.org")
    altered = _altered(message_id, place, letter)
    if altered.lower() != message_id.lower():
        assert read_message_id(altered, KEYS) is None


def test_the_token_of_one_message_does_not_vouch_for_another() -> None:
    message_id = sign_message_id(12, UUID, 7, SECRET, "mail.example.org")
    assert read_message_id(message_id.replace(UUID, UUID[::-1]), KEYS) is None


@given(short_ids)
def test_a_mark_of_one_purpose_never_passes_for_another(number: int) -> None:
    """The reply token and the Message-ID even have the same length and layout."""
    return_path = sign_return_path(number, DAY, 7, SECRET)
    delivery = sign_delivery_token(number, 7, SECRET)
    reply = sign_reply_token(number, 7, SECRET)
    message_id = sign_message_id(number, UUID, 7, SECRET, "mail.example.org")
    in_message_id = message_id.partition(".")[2].partition("@")[0]
    for token in (return_path, return_path[2:], delivery, in_message_id):
        assert read_reply_token(token, KEYS) is None
    for token in (return_path, return_path[2:], reply, in_message_id):
        assert read_delivery_token(token, KEYS).delivery_id is None
        assert read_message_id(f"<{UUID}.{token}@mail.example.org>", KEYS) == (
            number if token == in_message_id else None
        )
    for token in (delivery, reply, in_message_id):
        assert read_return_path("b-" + token, KEYS, DAY).delivery_id is None


@given(st.text(max_size=80))
def test_reading_never_raises(text: str) -> None:
    assert read_return_path(text, KEYS, DAY).delivery_id is None
    assert read_delivery_token(text, KEYS).delivery_id is None
    assert read_reply_token(text, KEYS) is None
    assert read_message_id(text, KEYS) is None


@pytest.mark.parametrize("participation_id", [-1, 2**40])
def test_an_id_that_does_not_fit_is_a_mistake_of_ours(participation_id: int) -> None:
    with pytest.raises(OverflowError):
        sign_reply_token(participation_id, 7, SECRET)
