"""How much the doorway lets through."""

from __future__ import annotations

import pytest

from answerback.inbound.gate import Gate, read_networks

TRUSTED = read_networks("127.0.0.0/8, ::1")


def _gate(**limits: int) -> Gate:
    return Gate(
        **({"sessions": 3, "sessions_per_peer": 2, "messages_per_minute": 2, "memory": 10} | limits), trusted=TRUSTED
    )


def test_one_peer_cannot_take_all_sessions() -> None:
    gate = _gate()
    assert [gate.enter("192.0.2.1") for _ in range(3)] == [True, True, False]
    assert gate.enter("192.0.2.2")
    assert not gate.enter("192.0.2.3")
    gate.leave("192.0.2.1")
    assert gate.enter("192.0.2.3")


@pytest.mark.parametrize(
    "peer,limited", [("127.0.0.9", False), ("::1", False), ("192.0.2.1", True), ("", True), ("x", True)]
)
def test_our_own_network_is_not_limited_for_itself(peer: str, limited: bool) -> None:
    gate = _gate()
    assert [gate.may_send(peer, 0.0) for _ in range(3)] == [True, True, not limited]


def test_messages_are_counted_by_the_minute() -> None:
    gate = _gate()
    assert [gate.may_send("192.0.2.1", second) for second in (61.0, 62.0, 119.9, 120.1)] == [True, True, False, True]


def test_memory_is_given_back() -> None:
    gate = _gate()
    assert gate.hold(10)
    assert not gate.hold(1)
    gate.release(10)
    assert gate.hold(1)


def test_a_word_is_no_network() -> None:
    with pytest.raises(ValueError):
        read_networks("localhost")
