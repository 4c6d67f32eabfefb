"""What somebody probably meant to type."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.address import syntax_problem
from mailroom.typos import Suggestion, suggest

KNOWN = {"kunde.example", "maschinenbau-weber.de"}


@pytest.mark.parametrize(
    "typed, meant, reason",
    [
        ("clara@gmial.com", "clara@gmail.com", "typo_domain"),
        ("clara@gmai.com", "clara@gmail.com", "typo_domain"),
        ("clara@gmail.con", "clara@gmail.com", "typo_domain"),
        ("clara@gmail.co", "clara@gmail.com", "typo_domain"),
        ("clara@t-onlin.de", "clara@t-online.de", "typo_domain"),
        ("clara@gmx.d", "clara@gmx.de", "typo_domain"),
        ("clara@gmx.ed", "clara@gmx.de", "typo_domain"),
        ("clara@hotmial.de", "clara@hotmail.de", "typo_domain"),
        ("Clara@maschinenbau-webre.de", "Clara@maschinenbau-weber.de", "typo_domain"),
        ("clara@gmailcom", "clara@gmail.com", "missing_dot"),
        ("clara@t-onlinede", "clara@t-online.de", "missing_dot"),
        ("clara@weber-bau.con", "clara@weber-bau.com", "typo_ending"),
        ("clara@weber-bau.ed", "clara@weber-bau.de", "typo_ending"),
        ("clara@gmail,com", "clara@gmail.com", "comma"),
        ("clara @ gmail.com", "clara@gmail.com", "blank"),
        ("mailto:clara@gmail.com", "clara@gmail.com", "prefix"),
        ("www.clara@gmail.com", "clara@gmail.com", "prefix"),
        ("clara@www.weber-bau.de", "clara@weber-bau.de", "prefix"),
        ("clara.@gmail..com", "clara@gmail.com", "extra_dot"),
    ],
)
def test_slips_that_leave_a_trace(typed: str, meant: str, reason: str) -> None:
    assert suggest(typed, KNOWN) == Suggestion(meant, reason)


@pytest.mark.parametrize(
    "address",
    [
        "clara@gmail.com",
        "clara@gmx.net",
        "clara@gmx.dk",  # short, and could be there
        "clara@ymail.com",  # a neighbour that exists
        "clara@mail.com",
        "clara@outlook.be",  # the same name in another country
        "clara@hotmail.at",
        "clara@web.com",
        "clara@kunde.example",
        "clara@maschinenbau-weber.at",
        "clara@firma.de",
        "clara@müller.de",
        "clara",
        "clara@",
        "@gmail.com",
        "",
    ],
)
def test_no_suggestion_is_better_than_a_wrong_one(address: str) -> None:
    assert suggest(address, KNOWN) is None


@given(st.one_of(st.text(), st.text("ab.,@ gmailcom", max_size=30)))
def test_a_suggestion_is_another_address_and_a_right_one(address: str) -> None:
    suggestion = suggest(address, KNOWN)
    if suggestion:
        assert suggestion.address != address
        assert syntax_problem(suggestion.address) is None
