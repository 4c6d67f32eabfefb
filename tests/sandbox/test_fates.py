"""The local part decides."""

from __future__ import annotations

import re

import pytest

from answerback.sandbox.fates import FATES, OK, Reaction, Stage, fate_of
from mailroom.status import EnhancedStatus


@pytest.mark.parametrize(
    "local,name",
    [
        ("ok", "ok"),
        ("Unknown", "unknown"),
        ("full+ticket", "full"),
        ("full.berg", "full"),
        ("full-2", "full"),
        ("fuller", "ok"),
        ("bounce-later", "bounce-later"),
        ("bounce-later+7", "bounce-later"),
        ("bounce-lately", "ok"),
        ("delay.ed", "delay"),
        ("anna.berg", "ok"),
        ("away-team", "away"),
        ("", "ok"),
    ],
)
def test_fate_of_a_local_part(local: str, name: str) -> None:
    assert fate_of(f"{local}@shop.sandbox.test").name == name


@pytest.mark.parametrize(
    "name,start",
    [
        ("unknown", "550 5.1.1"),
        ("full", "552 5.2.2"),
        ("spam", "554 5.7.1"),
        ("toobig", "552 5.3.4"),
        ("greylist", "451 4"),
    ],
)
def test_codes_of_the_outside_contract(name: str, start: str) -> None:
    assert FATES[name].reply.startswith(start)


@pytest.mark.parametrize("fate", FATES.values(), ids=FATES.keys())
def test_every_fate_is_told_and_whole(fate: object) -> None:
    assert fate.words  # type: ignore[attr-defined]
    for reply in filter(None, (fate.reply, fate.report)):  # type: ignore[attr-defined]
        code, second = reply.split()[:2]
        assert re.fullmatch(r"[45]\d\d", code)
        if status := EnhancedStatus.parse(second):
            assert str(status)[0] == code[0]
    if fate.stage == Stage.NONE:  # type: ignore[attr-defined]
        assert not fate.reply  # type: ignore[attr-defined]
    else:
        assert fate.reply or fate.drop  # type: ignore[attr-defined]
        assert fate.reaction == Reaction.NONE  # type: ignore[attr-defined]


def test_unknown_names_are_ordinary_mailboxes() -> None:
    assert fate_of("clara@shop.sandbox.test") is OK
