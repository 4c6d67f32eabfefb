"""A rule tried on one ticket: which of its conditions hold, and what would happen. Nothing of it happens.

A trigger looks at the newest update of the ticket to which it applies, else at the newest of all; the ticket is seen
as it is today. Then the other triggers look at what it changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from answerback.desk.running_rules import automating, dry_run, effects
from answerback.desk.running_rules.dry_run import Outcome
from answerback.rules import decide, update_seen
from answerback.rules.effects import Rule
from answerback.rules.models import Automation
from answerback.rules.update_seen import Update
from answerback.tickets.models import Audit, Ticket

_NEWEST = 50  # updates looked at


@dataclass(frozen=True)
class Trial:
    applies: bool
    audit: Audit | None  # the update a trigger looked at
    every: Sequence[bool]  # does the condition hold?
    some: Sequence[bool]
    outcome: Outcome


def try_on(rule: Rule, ticket_id: int) -> Trial:
    """Ticket.DoesNotExist."""
    ticket = Ticket.objects.select_related(*update_seen.RELATED).get(pk=ticket_id)
    if isinstance(rule, Automation):
        return _trial(rule, update_seen.see_ticket(ticket), None, ticket_id)
    seen = _update_for(rule, ticket)
    return _trial(rule, seen, seen.audit, ticket_id)


def _update_for(rule: Rule, ticket: Ticket) -> Update:
    audits = list(ticket.audits.select_related("author").order_by("-id")[:_NEWEST])
    seen = (update_seen.see(audit, audit.author) for audit in audits)
    fitting = next((update for update in seen if decide.matches(rule.conditions, update)), None)
    return fitting or update_seen.see(audits[0], audits[0].author)


def _trial(rule: Rule, seen: Update, audit: Audit | None, ticket_id: int) -> Trial:
    applies = decide.matches(rule.conditions, seen)
    return Trial(
        applies=applies,
        audit=audit,
        every=[decide.holds(row, seen) for row in rule.conditions.get("all", [])],
        some=[decide.holds(row, seen) for row in rule.conditions.get("any", [])],
        outcome=dry_run.play(partial(_carry_out, rule, audit, ticket_id), ticket_id) if applies else Outcome(),
    )


def _carry_out(rule: Rule, audit: Audit | None, ticket_id: int) -> Audit | None:
    if rule.pk is None:
        rule.save()  # goes with all the rest
    triggers = [row for row in decide.load() if isinstance(rule, Automation) or row.pk != rule.pk]
    if isinstance(rule, Automation):
        return automating.act(rule, ticket_id, triggers)
    assert audit is not None  # a ticket has at least the one that made it
    effects.run(audit, rules=triggers, first=[rule])
    return audit
