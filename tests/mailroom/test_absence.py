"""When somebody says to be back."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.absence import back_on

WRITTEN = date(2026, 8, 3)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("I am out of the office until 14 August 2026.", date(2026, 8, 14)),
        ("I will be back on Monday, August 17th.", date(2026, 8, 17)),
        ("Away through 3rd of September, 2026", date(2026, 9, 3)),
        ("Returning on 2026-09-01.", date(2026, 9, 1)),
        ("Ich bin bis einschließlich 14.08.2026 nicht im Haus.", date(2026, 8, 14)),
        ("Ich bin vom 1.8. bis zum 14.8. im Urlaub.", date(2026, 8, 14)),
        ("Ab dem 17. August bin ich wieder da.", date(2026, 8, 17)),
        ("Ab Montag, den 17.08.26 erreichbar", date(2026, 8, 17)),
        ("Bis 5. Januar geschlossen", date(2027, 1, 5)),
        ("Until 10 August, and again until 20 August.", date(2026, 8, 20)),
        ("I am away. Your order of 14 August 2026 waits.", None),
        ("until 5/6/2026", None),
        ("bis 31.02.2026", None),
        ("until 14 August 2025", None),
        ("bis bald", None),
        ("", None),
    ],
)
def test_the_day(text: str, day: date | None) -> None:
    assert back_on(text, WRITTEN) == day


@given(st.text(alphabet="until bis ab 0123456789./-augustmärz,\n", max_size=300))
def test_any_text_is_read(text: str) -> None:
    back_on(text, WRITTEN)
