"""What nearly every outcome is: a server took the mail, and the delivery stands as its worker had claimed it.

Policy: it ends as `lifecycle` writes every fact, row by row; a test holds the two together. Here a whole group takes
one statement for each of its tables, and no row comes to us first: the condition of the first statement is the fence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from answerback.core import db, live
from answerback.outbound import lanes
from answerback.outbound.told import SESSION, Told
from mailroom.lifecycle import TRANSITIONS
from mailroom.report import Source
from mailroom.states import Fact, State

_BEFORE, _AFTER = State.SENDING, TRANSITIONS[State.SENDING, Fact.SESSION_ACCEPTED]

# delivery, attempt, owner, code, enhanced code, words, server, stage, whether the server is the recipient's own, cause,
# and the state of before: were that no value of the row, PostgreSQL would take it for a condition that leaves hardly
# any deliveries, and look through all of them, or through the index of leases with its dead entries
_TYPES = ("bigint", "integer", "text", "smallint", "text", "text", "text", "text", "boolean", "text", "text")
_MOVE = f"""
    UPDATE outbound_delivery
    SET updated_at = %s, state = '{_AFTER}', owner = '', lease_until = NULL, next_attempt_at = NULL,
        smtp_code = told.column4, enhanced_code = told.column5, diagnostic = told.column6, remote_mta = told.column7,
        final_hop = told.column9, cause = '', permanent = FALSE, ours = FALSE, told_by = ''
    FROM {{table}} AS told
    WHERE outbound_delivery.id = told.column1 AND attempts = told.column2 AND owner = told.column3
        AND CASE WHEN waiting_since IS NULL THEN state END = told.column11
"""  # noqa: S608
_FINISH = """
    UPDATE outbound_attempt
    SET finished_at = %s, outcome = 'accepted', stage = told.column8, smtp_code = told.column4,
        enhanced_code = told.column5, diagnostic = told.column6, remote_mta = told.column7
    FROM {table} AS told
    WHERE delivery_id = told.column1 AND number = told.column2 AND owner = told.column3 AND outcome = ''
"""
_SAY = f"""
    INSERT INTO outbound_deliveryevent (delivery_id, at, fact, from_state, to_state, source, match, smtp_code,
        enhanced_code, diagnostic, remote_mta, cause, permanent, ours, feedback_type, told_by, origins)
    SELECT told.column1, %s, '{Fact.SESSION_ACCEPTED}', '{_BEFORE}', '{_AFTER}', '{Source.SESSION}', '{SESSION}',
        told.column4, told.column5, told.column6, told.column7, told.column10, FALSE, FALSE, '', '', '{{{{}}}}'
    FROM {{table}} AS told
"""  # noqa: S608


class UnexpectedError(Exception):
    """A delivery is no longer as it was claimed, or its clock stood still. Nothing may be left of what was written."""


@dataclass(frozen=True, slots=True)
class Group:
    """Outcomes of which nothing is to be said but that a server took the mail, ready to be written."""

    delivery_ids: Collection[int]
    rows: Sequence[Sequence[Any]]  # columns as `_TYPES` tells


def among(told: Sequence[Told]) -> Group:
    """None where a lane is in trouble, or may come into it: an acceptance can then say more.

    Nothing of this needs the transaction, in which others wait for us.
    """
    tellings = Counter(one.outcome.delivery_id for one in told)
    found = [one for one in told if _is_plain(one) and tellings[one.outcome.delivery_id] == 1]
    if found and (any(one.report.ours for one in told) or lanes.in_trouble()):
        found = []
    ids = {one.outcome.delivery_id for one in found}
    return Group(ids, [_row(one) for one in found])


def record(group: Group, now: datetime) -> None:
    """Write them. Belongs into a transaction that has locked them, and that UnexpectedError has to undo."""
    count = len(group.delivery_ids)
    if not count:
        return
    at = connection.ops.adapt_datetimefield_value(now)
    for statement in (_MOVE, _FINISH, _SAY):
        written, _ = db.write(statement, _TYPES, group.rows, [at])
        if written != count:
            raise UnexpectedError
    live.publish(live.DELIVERY)
    live.publish_tickets_of("outbound_delivery", group.delivery_ids)


def _is_plain(told: Told) -> bool:
    outcome, report = told.outcome, told.outcome.report
    return (
        told.fact is Fact.SESSION_ACCEPTED
        and outcome.match == SESSION
        and report.source is Source.SESSION
        and not (report.ours or report.permanent or report.ambiguous)
        and not (report.told_by or report.feedback_type or report.origins or outcome.raw_mail_id or outcome.by)
    )


def _row(told: Told) -> tuple[Any, ...]:
    outcome, words = told.outcome, told.words
    return (
        outcome.delivery_id,
        outcome.attempt,
        outcome.owner,
        words["smtp_code"],
        words["enhanced_code"],
        words["diagnostic"],
        words["remote_mta"],
        str(outcome.report.stage or ""),
        outcome.next_hop_is_final,
        words["cause"],
        _BEFORE.value,
    )
