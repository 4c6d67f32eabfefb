"""Which fields count as a mark of the site's filter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.message import parse
from mailroom.spam_marks import USUAL_MARKS, find_mark


@pytest.mark.parametrize(
    "field, found",
    [
        ("X-Spam-Flag: YES", "X-Spam-Flag: YES"),
        (
            "x-spam-status: Yes, score=15.1 required=5.0\n\ttests=A,B",
            "x-spam-status: Yes, score=15.1 required=5.0 tests=A,B",
        ),
        ("X-Rspamd-Action:   add  header", "X-Rspamd-Action: add header"),
        ("X-SES-Spam-Verdict: FAIL", "X-SES-Spam-Verdict: FAIL"),
        ("X-Spam-Status: No, score=-1.2", ""),
        ("X-Spam-Flag: NO", ""),
        ("X-Spam-Level: *****", ""),
        ("X-Rspamd-Action: no action", ""),
        ("Subject: X-Spam-Flag: YES", ""),
        ("X-Spam-Flags: YES", ""),
    ],
)
def test_the_usual_filters_are_known(field: str, found: str) -> None:
    mail = parse(f"From: a@b.example\n{field}\n\nX-Spam-Flag: YES\n".encode())
    assert find_mark(mail, USUAL_MARKS) == found


def test_a_field_without_a_value_counts_by_its_name() -> None:
    mail = parse(b"X-Junk: 7\n\n")
    assert find_mark(mail, ["X-Junk"]) == find_mark(mail, ["x-junk:"]) == "X-Junk: 7"
    assert find_mark(mail, ["X-Junk: 8"]) == ""


@given(st.binary(), st.lists(st.text()))
def test_any_mail_and_any_marks(raw: bytes, marks: list[str]) -> None:
    assert len(find_mark(parse(raw), marks)) <= 120
