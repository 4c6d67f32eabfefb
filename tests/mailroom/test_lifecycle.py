"""The delivery state machine: every state × fact pair, and that the order of reports does not matter."""

from __future__ import annotations

import itertools
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.lifecycle import TRANSITIONS, fact_of, next_state
from mailroom.report import Action, DeliveryReport, Source
from mailroom.states import FINAL, Fact, State

# Columns are states, rows are facts; "-" means: recorded, moves nothing.
EXPECTED = """
                   held       queued     sending    deferred   accepted   delayed    delivered  failed  cancelled
hold               -          held       -          held       -          -          -          -       -
release            queued     -          -          -          -          -          -          -       -
cancel             cancelled  cancelled  -          cancelled  -          -          -          -       -
claim              -          sending    -          sending    -          -          -          -       -
lease_over         -          -          queued     -          -          -          -          -       -
expire             -          -          -          failed     -          -          -          -       -
session_accepted   -          -          accepted   -          -          -          -          -       -
session_transient  -          -          deferred   -          -          -          -          -       -
session_permanent  -          -          failed     -          -          -          -          -       -
report_failed      -          failed     failed     failed     failed     failed     failed     -       -
report_delayed     -          delayed    delayed    delayed    delayed    -          -          -       -
report_delivered   -          delivered  delivered  delivered  delivered  delivered  -          -       -
report_relayed     -          accepted   accepted   accepted   -          -          -          -       -
complaint          -          -          -          -          -          -          -          -       -
"""


def _expected_pairs() -> list[tuple[State, Fact, State | None]]:
    head, *rows = EXPECTED.strip().split("\n")
    states = [State(name) for name in head.split()]
    return [
        (state, Fact(fact), None if target == "-" else State(target))
        for fact, *targets in map(str.split, rows)
        for state, target in zip(states, targets, strict=True)
    ]


PAIRS = _expected_pairs()
REPORT_FACTS = [fact for fact in Fact if fact.name.startswith("REPORT_")]


def test_the_table_names_every_pair_once() -> None:
    assert {(state, fact) for state, fact, _ in PAIRS} == set(itertools.product(State, Fact))
    assert len(PAIRS) == len(State) * len(Fact)


@pytest.mark.parametrize("state, fact, target", PAIRS, ids=lambda value: str(value))
def test_pair(state: State, fact: Fact, target: State | None) -> None:
    assert next_state(state, fact) is target


def test_final_states_have_no_way_out() -> None:
    assert not [pair for pair in TRANSITIONS if pair[0] in FINAL]


def test_a_move_always_changes_the_state() -> None:
    assert not [pair for pair, target in TRANSITIONS.items() if pair[0] is target]


def _end(state: State, facts: list[Fact]) -> State:
    for fact in facts:
        state = next_state(state, fact) or state
    return state


@given(st.sampled_from(State), st.lists(st.sampled_from([*REPORT_FACTS, Fact.COMPLAINT]), max_size=8), st.randoms())
def test_reports_lead_to_the_same_end_in_any_order(state: State, facts: list[Fact], random: Random) -> None:
    shuffled = list(facts)
    random.shuffle(shuffled)
    assert _end(state, shuffled) is _end(state, facts)


@given(st.lists(st.sampled_from(REPORT_FACTS), max_size=6), st.integers(0, 6))
def test_our_own_late_250_does_not_undo_a_report(facts: list[Fact], place: int) -> None:
    early = _end(State.SENDING, [Fact.SESSION_ACCEPTED, *facts])
    late = _end(State.SENDING, [*facts[:place], Fact.SESSION_ACCEPTED, *facts[place:]])
    assert late is early


@pytest.mark.parametrize(
    "source, action, permanent, fact",
    [
        (Source.SESSION, Action.RELAYED, False, Fact.SESSION_ACCEPTED),
        (Source.SESSION, Action.DELIVERED, False, Fact.SESSION_ACCEPTED),
        (Source.SESSION, Action.FAILED, True, Fact.SESSION_PERMANENT),
        (Source.SESSION, Action.FAILED, False, Fact.SESSION_TRANSIENT),
        (Source.SESSION, Action.DELAYED, False, Fact.SESSION_TRANSIENT),
        (Source.CLIENT, Action.FAILED, True, Fact.SESSION_PERMANENT),
        (Source.CLIENT, Action.DELAYED, False, Fact.SESSION_TRANSIENT),
        (Source.REPORT, Action.FAILED, True, Fact.REPORT_FAILED),
        (Source.REPORT, Action.FAILED, False, Fact.REPORT_FAILED),  # given up after a transient condition
        (Source.REPORT, Action.DELAYED, False, Fact.REPORT_DELAYED),
        (Source.REPORT, Action.DELIVERED, False, Fact.REPORT_DELIVERED),
        (Source.REPORT, Action.RELAYED, False, Fact.REPORT_RELAYED),
        (Source.REPORT, Action.EXPANDED, False, Fact.REPORT_RELAYED),
        (Source.WEBHOOK, Action.DELIVERED, False, Fact.REPORT_DELIVERED),
        (Source.WEBHOOK, Action.COMPLAINT, False, Fact.COMPLAINT),
        (Source.FEEDBACK, Action.COMPLAINT, False, Fact.COMPLAINT),
        (Source.EXPIRY, Action.FAILED, True, Fact.EXPIRE),
    ],
)
def test_fact_of(source: Source, action: Action, permanent: bool, fact: Fact) -> None:
    report = DeliveryReport("anna@example.org", action, permanent=permanent, source=source)
    assert fact_of(report) is fact


@pytest.mark.parametrize("ours, ambiguous", [(True, False), (False, True)])
def test_our_faults_and_the_gap_after_the_dot_are_never_final(ours: bool, ambiguous: bool) -> None:
    report = DeliveryReport("anna@example.org", Action.FAILED, permanent=True, ours=ours, ambiguous=ambiguous)
    assert fact_of(report) is Fact.SESSION_TRANSIENT
