"""The names of delivery states, and of the facts that move them. Who may go where is in `mailroom.lifecycle`."""

from enum import StrEnum


class State(StrEnum):
    """Where one delivery (one message to one recipient) stands. Meaning of each: docs/glossary.md."""

    HELD = "held"
    QUEUED = "queued"
    SENDING = "sending"
    DEFERRED = "deferred"
    ACCEPTED = "accepted"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Fact(StrEnum):
    """Something that happened to a delivery: what the session said, what a report said, or what we decided."""

    # decided here
    HOLD = "hold"
    RELEASE = "release"
    CANCEL = "cancel"
    CLAIM = "claim"
    LEASE_OVER = "lease_over"
    EXPIRE = "expire"
    # said in our SMTP session
    SESSION_ACCEPTED = "session_accepted"
    SESSION_TRANSIENT = "session_transient"
    SESSION_PERMANENT = "session_permanent"
    # said later, by a report
    REPORT_FAILED = "report_failed"
    REPORT_DELAYED = "report_delayed"
    REPORT_DELIVERED = "report_delivered"
    REPORT_RELAYED = "report_relayed"
    COMPLAINT = "complaint"


FINAL = frozenset({State.FAILED, State.CANCELLED})
ON_THE_WAY = frozenset({State.QUEUED, State.SENDING, State.DEFERRED, State.DELAYED})
ARRIVED = frozenset({State.ACCEPTED, State.DELIVERED})
