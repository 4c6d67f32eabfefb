"""What the oldest Python that we run on gets wrong: Debian 12 has 3.11.2, machines of developers a later one."""

from __future__ import annotations

import re

from answerback.cli.checkout import ROOT

# QUIRK: up to Python 3.11.4 a possessive quantifier of a group with choices inside eats too much
# (python/cpython#106052). An atomic group says the same and is right everywhere: `(?>(?:…)*)`, not `(?:…)*+`.
POSSESSIVE_GROUP = re.compile(r"(?<!\\)\)(?:[*+?]|\{\d*,?\d*\})\+")


def test_no_possessive_group() -> None:
    files = (ROOT / "src").rglob("*.py")
    assert not [str(path) for path in files if POSSESSIVE_GROUP.search(path.read_text("utf-8"))]


def test_what_is_looked_for_is_found() -> None:
    assert POSSESSIVE_GROUP.search(r'"(?:[^"\\]|\\.)*+"')
    assert not POSSESSIVE_GROUP.search(r'"(?>(?:[^"\\]|\\.)*)"')
