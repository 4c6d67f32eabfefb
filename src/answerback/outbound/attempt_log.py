"""One line in the log for each attempt, once its outcome is stored: ids, codes and hosts, no addresses and no text."""

from __future__ import annotations

import logging

from answerback.outbound.told import Outcome
from mailroom.report import Action

log = logging.getLogger(__name__)


def note(outcome: Outcome) -> None:
    if log.isEnabledFor(logging.INFO):
        fields = fields_of(outcome)
        words = " ".join(f"{name}={value}" for name, value in fields.items() if value not in ("", None, False))
        log.info("%s", words, extra={"fields": fields})


def fields_of(outcome: Outcome) -> dict[str, object]:
    report = outcome.report
    refused = report.action is Action.FAILED
    return {
        "delivery": outcome.delivery_id,
        "attempt": outcome.attempt,
        "outcome": "accepted" if not refused else "failed" if report.permanent else "deferred",
        "stage": report.stage.value if report.stage else "",
        "smtp_code": report.reply_code,
        "enhanced_code": str(report.status or ""),
        "remote_mta": report.remote_mta,
        "ours": report.ours,
        "ambiguous": report.ambiguous,
        "retry_after": report.retry_after,
    }
