"""After an update: ask the triggers one after the other, carry out what they want, and ask again until they are quiet.

Bounded, so that nothing goes round for ever:

* a trigger acts at most once on what one update by a person sets going, and rounds end after `MAX_ROUNDS`;
* mail that no person's update caused (a trigger on a failure, an automation) is marked, and no failure of such mail
  makes a rule write to customers again;
* a trigger rests after `usage.MOST_PER_HOUR` acts on a ticket in an hour, where updates come from programs.

Runs inside the transaction of the update, so that an answer and its outbox rows are stored together or not at all.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from answerback.desk.calling_webhooks import webhooks
from answerback.desk.running_rules import notify, performing
from answerback.rules import decide, update_seen, usage
from answerback.rules.effects import Effect, HoldEffect, NotifyEffect, Rule
from answerback.rules.update_seen import Update
from answerback.search import documents
from answerback.tickets import update as tickets
from answerback.tickets.models import Audit, Event

MAX_ROUNDS = 5
_BY_PROGRAMS = ("api", "rule")
log = logging.getLogger(__name__)


@dataclass
class Run:
    """One update, and what the rules make of it."""

    root: Audit
    rules: Sequence[Rule]
    silent: bool = False  # no mail to customers
    acted: list[Rule] = field(default_factory=list)
    holds: list[HoldEffect] = field(default_factory=list)
    uses: dict[int, int] | None = None  # trigger id -> acts of the last hour; read when it is needed


def run(audit: Audit, rules: Sequence[Rule] | None = None, first: Sequence[Rule] | None = None) -> None:
    """Everything that triggers make of `audit`. `rules` are those in force; `first` alone look at the audit itself."""
    going = Run(audit, decide.load() if rules is None else rules)
    if first is None:
        _rounds(going, [audit])
    else:
        _rounds(going, _ask(going, audit, first))
    _finish(going)


def run_after(audit: Audit, rule: Rule, wanted: Sequence[Effect], triggers: Sequence[Rule]) -> None:
    """What an automation wants besides the changes it made in `audit`, and what triggers make of all that."""
    going = Run(audit, triggers, acted=[rule])
    follow_ups = _carry_out(going, update_seen.see(audit, None), wanted)
    _rounds(going, [audit, *follow_ups])
    _finish(going)


def _rounds(going: Run, current: list[Audit]) -> None:
    for _ in range(MAX_ROUNDS):
        if not current:
            break
        current = [follow_up for one in current for follow_up in _ask(going, one, going.rules)]


def _finish(going: Run) -> None:
    """What belongs to the end: holds, whatever came after them; the count of uses; webhooks; the words to search."""
    for hold in going.holds:
        performing.hold(going.root, hold)
    if going.acted:
        usage.record(going.acted, going.root.ticket_id)
    webhooks.tell(going.root)
    documents.refresh(going.root.ticket_id)


def _carry_out(going: Run, seen: Update, wanted: Sequence[Effect]) -> list[Audit]:
    """Perform what one rule wants; gives the updates that this made."""
    follow_ups = []
    for effect in wanted:
        if isinstance(effect, NotifyEffect) and going.silent and notify.is_for_customers(effect):
            continue
        if isinstance(effect, HoldEffect):
            going.holds.append(effect)
        elif follow_up := performing.perform(effect, seen):
            follow_ups.append(follow_up)
    return follow_ups


def _ask(going: Run, audit: Audit, rules: Sequence[Rule]) -> list[Audit]:
    """Each rule in its order, of which every one sees what those before it have changed."""
    seen = update_seen.see(audit, going.root.author)
    if audit == going.root:
        going.silent = _only_of_unattended_mail(seen)
    made: list[Audit] = []
    for rule in rules:
        if rule in going.acted or not (wanted := decide.decide(rule, seen)):
            continue
        if _goes_round(going, rule):
            wanted = [effect for effect in wanted if _is_never_withheld(effect)]
        going.acted.append(rule)
        follow_ups = _carry_out(going, seen, wanted)
        made += follow_ups
        if follow_ups:
            seen = update_seen.see_again(seen)
    return made


def _only_of_unattended_mail(seen: Update) -> bool:
    return bool(seen.deliveries) and all(payload.get("unattended") for payload in seen.deliveries)


def _is_never_withheld(effect: Effect) -> bool:
    """Mail to customers: answers are never withheld, and the rest has a cap of its own."""
    return isinstance(effect, NotifyEffect) and notify.is_for_customers(effect)


def _goes_round(going: Run, rule: Rule) -> bool:
    """Has it acted too often on this ticket? The first time is noted on the ticket."""
    if going.root.author is not None and going.root.via not in _BY_PROGRAMS:
        return False
    if going.uses is None:
        going.uses = usage.of_last_hour(going.root.ticket_id)
    times = going.uses.get(rule.pk, 0)
    if times == usage.MOST_PER_HOUR:
        log.warning("trigger %s rests on ticket %s: it acted %s times", rule.pk, going.root.ticket_id, times)
        data = {"note": "resting", "rule_id": rule.pk, "title": rule.title, "times": times}
        tickets.add_event(going.root, Event.Kind.RULE, data)
    return times >= usage.MOST_PER_HOUR
