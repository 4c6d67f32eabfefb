"""What was said about deliveries, as it comes in and as it is noted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from answerback.core import db
from answerback.outbound import cause_rules
from answerback.people.models import Account
from mailroom.causes.classify import classify
from mailroom.lifecycle import fact_of
from mailroom.report import Action, DeliveryReport
from mailroom.states import Fact

SESSION = "session"  # DeliveryEvent.match of our own sessions

_NAMED = frozenset({Action.FAILED, Action.DELAYED})  # of these an administrator's own rules are asked
_DIAGNOSTIC_LENGTH = 8192


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was said about one delivery. `owner` and `attempt` fence the outcomes of our own sessions."""

    delivery_id: int
    report: DeliveryReport
    owner: str = ""
    attempt: int = 0
    match: str = SESSION
    raw_mail_id: int | None = None
    by: Account | None = None
    next_hop_is_final: bool = False  # the server that spoke is the recipient's own MX


@dataclass(frozen=True, slots=True)
class Told:
    """An outcome as it is noted."""

    outcome: Outcome
    fact: Fact
    words: Mapping[str, object]  # what was said, as columns of deliveries and events

    @property
    def report(self) -> DeliveryReport:
        return self.outcome.report


def read(outcomes: Sequence[Outcome]) -> list[Told]:
    """With the cause that the words mean; an administrator's own rules are asked first, of what went wrong."""
    own = cause_rules.current() if any(outcome.report.action in _NAMED for outcome in outcomes) else ()
    return [
        Told(outcome, fact_of(outcome.report), _words(outcome.report, classify(outcome.report, own).cause))
        for outcome in outcomes
    ]


def _words(report: DeliveryReport, cause: str) -> dict[str, object]:
    return {
        "smtp_code": report.reply_code,
        "enhanced_code": str(report.status or ""),
        "diagnostic": db.storable(report.diagnostic, _DIAGNOSTIC_LENGTH),
        "remote_mta": db.storable(report.remote_mta, 300),
        "told_by": report.told_by,
        "cause": cause,
        "permanent": report.permanent,
        "ours": report.ours,
    }
