from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerback.search.folding import fold


@pytest.mark.parametrize("words", [
    ("Müller", "mueller", "MULLER", "Mu\u0308ller"), ("Straße", "strasse", "STRASSE"), ("Köln", "koeln", "koln"),
    ("Café", "cafe"), ("İzmir", "i̇zmir"),
])  # fmt: skip
def test_spellings_meet(words: tuple[str, ...]) -> None:
    assert len({fold(word) for word in words}) == 1


@given(st.text())
def test_folding_twice_changes_nothing_more(text: str) -> None:
    assert fold(fold(text)) == fold(fold(fold(text)))
