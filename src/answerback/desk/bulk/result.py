"""What became of one item, or would: a state, the word for the reason, and what the sentence names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from answerback.desk.models import JobItem


@dataclass(frozen=True)
class Result:
    state: JobItem.State
    reason: str
    detail: dict[str, Any] = field(default_factory=dict)
    ticket_id: int | None = None  # of a ticket that was made


def done(reason: str, **detail: Any) -> Result:
    return Result(JobItem.State.DONE, reason, detail)


def skipped(reason: str, **detail: Any) -> Result:
    return Result(JobItem.State.SKIPPED, reason, detail)


def failed(reason: str, **detail: Any) -> Result:
    return Result(JobItem.State.FAILED, reason, detail)
