"""How a delivery moves: one mapping from (state, fact) to state, without I/O.

The policy, in prose:

* What we decide (claim, hold, cancel, expire) moves a delivery only while it is ours to decide about: queued, sending,
  deferred or held. Once the next hop has it, only reports speak.
* What our SMTP session says counts only for a delivery that is still being sent. A report can overtake it (we crashed
  after the final dot, the lease ran out): then the session's outcome is recorded and moves nothing.
* What a report says may come at any time and in any order. Failed beats delivered (mail forwarded onwards bounces
  late), delivered beats delayed, delayed beats relayed: the end does not depend on the order.
* `failed` and `cancelled` are final. A resend is a new delivery. A complaint is an event and moves nothing.
* A held delivery never goes by itself.

A pair that is missing from the mapping means: record the fact, move nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mailroom.report import Action, DeliveryReport, Source
from mailroom.states import Fact, State

# A report can overtake our own note of the session's outcome, so these hold before it, too. "delayed" means that the
# next hop has the message: our own retries stop.
_REPORTS_BEFORE_ACCEPTANCE: Mapping[Fact, State] = {
    Fact.REPORT_FAILED: State.FAILED,
    Fact.REPORT_DELAYED: State.DELAYED,
    Fact.REPORT_DELIVERED: State.DELIVERED,
    Fact.REPORT_RELAYED: State.ACCEPTED,
}

_MOVES: Mapping[State, Mapping[Fact, State]] = {
    State.HELD: {
        Fact.RELEASE: State.QUEUED,
        Fact.CANCEL: State.CANCELLED,
    },
    State.QUEUED: {
        Fact.CLAIM: State.SENDING,
        Fact.HOLD: State.HELD,
        Fact.CANCEL: State.CANCELLED,
        **_REPORTS_BEFORE_ACCEPTANCE,
    },
    State.SENDING: {
        Fact.SESSION_ACCEPTED: State.ACCEPTED,
        Fact.SESSION_TRANSIENT: State.DEFERRED,
        Fact.SESSION_PERMANENT: State.FAILED,
        # Better twice than lost: the message keeps its Message-ID (RFC 1047).
        Fact.LEASE_OVER: State.QUEUED,
        **_REPORTS_BEFORE_ACCEPTANCE,
    },
    State.DEFERRED: {
        Fact.CLAIM: State.SENDING,
        Fact.HOLD: State.HELD,
        Fact.EXPIRE: State.FAILED,
        Fact.CANCEL: State.CANCELLED,
        **_REPORTS_BEFORE_ACCEPTANCE,
    },
    State.ACCEPTED: {
        Fact.REPORT_FAILED: State.FAILED,
        Fact.REPORT_DELAYED: State.DELAYED,
        Fact.REPORT_DELIVERED: State.DELIVERED,
    },
    State.DELAYED: {
        Fact.REPORT_FAILED: State.FAILED,
        Fact.REPORT_DELIVERED: State.DELIVERED,
    },
    State.DELIVERED: {
        Fact.REPORT_FAILED: State.FAILED,
    },
    State.FAILED: {},
    State.CANCELLED: {},
}

TRANSITIONS: Mapping[tuple[State, Fact], State] = MappingProxyType(
    {(state, fact): target for state, moves in _MOVES.items() for fact, target in moves.items()}
)

_REPORTED: Mapping[Action, Fact] = {
    Action.FAILED: Fact.REPORT_FAILED,
    Action.DELAYED: Fact.REPORT_DELAYED,
    Action.DELIVERED: Fact.REPORT_DELIVERED,
    Action.RELAYED: Fact.REPORT_RELAYED,
    Action.EXPANDED: Fact.REPORT_RELAYED,
    Action.COMPLAINT: Fact.COMPLAINT,
}


def next_state(state: State, fact: Fact) -> State | None:
    """The state that `fact` leads to from `state`; None where the fact is recorded and moves nothing."""
    return TRANSITIONS.get((state, fact))


def fact_of(report: DeliveryReport) -> Fact:
    """What the report means for the delivery that it is about."""
    if report.source is Source.EXPIRY:
        return Fact.EXPIRE
    if report.action is Action.COMPLAINT or report.source is Source.FEEDBACK:
        return Fact.COMPLAINT
    if report.source in (Source.SESSION, Source.CLIENT):
        return _session_fact(report)
    return _REPORTED[report.action]


def _session_fact(report: DeliveryReport) -> Fact:
    """The outcome of our own attempt.

    Our own faults and the gap after the final dot (RFC 1047) are never final, whatever the code: the mail waits.
    """
    if report.action in (Action.DELIVERED, Action.RELAYED, Action.EXPANDED):
        return Fact.SESSION_ACCEPTED
    if report.permanent and not report.ours and not report.ambiguous:
        return Fact.SESSION_PERMANENT
    return Fact.SESSION_TRANSIENT
