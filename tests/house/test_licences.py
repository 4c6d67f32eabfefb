"""What we build on may be combined with AGPL-3.0-or-later."""

from __future__ import annotations

import pytest

from answerback.cli import licences
from answerback.cli.checkout import ROOT


def test_every_package_has_a_fitting_licence() -> None:
    assert licences.problems(ROOT) == []


@pytest.mark.parametrize(
    ("licence", "allowed", "refused"),
    [
        ("MIT", True, False),
        ("LGPL-3.0-only", True, False),
        ("License :: OSI Approved :: GNU Lesser General Public License v3 (LGPLv3)", True, False),
        ("GPL-3.0-only", False, True),
        ("GPL-2.0-only", False, True),
        ("BUSL-1.1", False, True),
        ("GPL-3.0-or-later", False, False),  # would fit, but changes nothing for us only after a person has looked
        ("", False, False),
    ],
)
def test_reading_of_licences(licence: str, allowed: bool, refused: bool) -> None:
    assert bool(licences.ALLOWED.search(licence)) is allowed
    assert bool(licences.REFUSED.search(licence)) is refused


def test_our_own_licence_text() -> None:
    text = (ROOT / "LICENSE").read_text("utf-8")
    assert text.startswith("GNU AFFERO GENERAL PUBLIC LICENSE\nVersion 3, 19 November 2007")
    assert "13. Remote Network Interaction" in text
