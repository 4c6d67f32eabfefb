"""Automations: what rules do to tickets as time passes.

Policy: an automation acts on a ticket once, and again only after a newer update by a person, or a newer failure of mail
that a person's update caused. So neither its own changes nor the failure of its own mail set it going again. Closed
tickets are history. A run is bounded: it looks at LOOKED_AT tickets of each automation, acts on ACTED_ON, and the next
run goes on behind the last one. Each ticket is a transaction of its own, and asked again inside it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django.db import transaction
from django.db.models import Max, Q

from answerback.desk.running_rules import effects
from answerback.rules import automations, decide, update_seen
from answerback.rules.conditions import hours
from answerback.rules.effects import Effect, FieldEffect
from answerback.rules.models import Automation, Trigger
from answerback.tickets import update
from answerback.tickets.changes import UNSET, Changes, TicketFact
from answerback.tickets.models import Audit, Event, Ticket

LOOKED_AT = 5000
ACTED_ON = 200
_CHUNK = 500
_VIA = "rule"
_PLAIN = ("status", "priority", "type", "assignee", "group", "set_tags")  # what actions set
log = logging.getLogger(__name__)


def run() -> int:
    """Let every automation act where it is due. Gives on how many tickets."""
    triggers = decide.load()
    return sum(_run(automation, triggers) for automation in automations.in_force())


def act(automation: Automation, ticket_id: int, triggers: Sequence[Trigger]) -> Audit | None:
    """What the automation makes of one ticket, and triggers of that. None where it does not apply (any more)."""
    with transaction.atomic():
        locked = Ticket.objects.select_for_update(of=("self",), no_key=True)
        ticket = locked.select_related(*update_seen.RELATED).get(pk=ticket_id)
        if ticket.status == Ticket.Status.CLOSED:
            return None
        wanted = decide.decide(automation, update_seen.see_ticket(ticket))
        if not wanted:
            return None
        audit = _change(automation, ticket_id, wanted)
        if audit:
            effects.run_after(audit, automation, [one for one in wanted if not isinstance(one, FieldEffect)], triggers)
        automations.mark(automation, ticket)
    return audit


def due(automation: Automation) -> Q:
    """Which tickets time alone makes candidates: its conditions on hours and status as a question to the database."""
    found = ~Q(status=Ticket.Status.CLOSED)
    for row in automation.conditions.get("all", []):
        if row.get("field") in hours.SINCE:
            found &= hours.rows(row["field"], row.get("operator", ""), str(row.get("value", "")))
        elif row.get("field") == "status" and row.get("operator") == "is":
            found &= Q(status=row.get("value", ""))
    return found


def _run(automation: Automation, triggers: Sequence[Trigger]) -> int:
    acted, looked, last = 0, 0, automation.looked_until
    while looked < LOOKED_AT and acted < ACTED_ON:
        rows = Ticket.objects.filter(due(automation), pk__gt=last).select_related(*update_seen.RELATED)
        tickets = list(rows.prefetch_related("tags").order_by("pk")[:_CHUNK])
        for ticket in _fresh(automation, tickets):
            acted += _act_safely(automation, ticket, triggers)
        looked += len(tickets)
        last = tickets[-1].pk if len(tickets) == _CHUNK else 0
        if not last:
            break
    automations.remember_place(automation, last)
    return acted


def _fresh(automation: Automation, tickets: Sequence[Ticket]) -> list[Ticket]:
    """Those it applies to and has not seen to since the last update that counts."""
    matching = [ticket for ticket in tickets if decide.matches(automation.conditions, update_seen.see_ticket(ticket))]
    marks = automations.marks(automation, [ticket.pk for ticket in matching])
    newest = _newest_counting_audits(list(marks))
    return [ticket for ticket in matching if newest.get(ticket.pk, 0) > marks.get(ticket.pk, -1)]


def _newest_counting_audits(ticket_ids: Sequence[int]) -> dict[int, int]:
    """By ticket, of those that an automation has seen to before: the newest update that lets it act again."""
    by_people = Audit.objects.filter(ticket__in=ticket_ids, author__isnull=False)
    found = {row["ticket"]: row["newest"] for row in by_people.values("ticket").annotate(newest=Max("id"))}
    failures = Event.objects.filter(ticket__in=ticket_ids, kind=Event.Kind.DELIVERY_FAILURE)
    for ticket_id, audit_id, data in failures.values_list("ticket_id", "audit_id", "data"):
        if not data.get("unattended"):
            found[ticket_id] = max(found.get(ticket_id, 0), audit_id)
    return found


def _act_safely(automation: Automation, ticket: Ticket, triggers: Sequence[Trigger]) -> bool:
    """One ticket's trouble must not stop the others."""
    try:
        return act(automation, ticket.pk, triggers) is not None
    except Exception:
        log.exception("automation %s failed on ticket %s", automation.pk, ticket.pk)
        return False


def _change(automation: Automation, ticket_id: int, wanted: Sequence[Effect]) -> Audit | None:
    """One update for all that it changes; where it only writes or calls, one that says that it ran."""
    changes = Changes()
    for effect in wanted:
        if isinstance(effect, FieldEffect):
            changes = _merged(changes, effect.changes)
    made = update.apply(ticket_id, changes, None, _VIA, automation.by)
    if made or all(isinstance(effect, FieldEffect) for effect in wanted):
        return made
    ran = TicketFact(Event.Kind.RULE, {"note": "ran", "rule_id": automation.pk, "title": automation.title})
    return update.apply(ticket_id, Changes(facts=[ran]), None, _VIA, automation.by)


def _merged(first: Changes, then: Changes) -> Changes:
    """Both, the later one winning. Tags add up, unless the later one replaces them."""
    if then.set_tags is not UNSET:
        first = replace(first, add_tags=(), remove_tags=())
    plain: dict[str, Any] = {name: value for name in _PLAIN if (value := getattr(then, name)) is not UNSET}
    return replace(
        first,
        add_tags=[*first.add_tags, *then.add_tags],
        remove_tags=[*first.remove_tags, *then.remove_tags],
        add_ccs=[*first.add_ccs, *then.add_ccs],
        **plain,
    )
