"""After an update: ask the triggers, carry out what they want, and ask again until they are quiet.

Bounded: a trigger fires at most once for one update by a person, and rounds end after `MAX_ROUNDS`. Runs inside the
transaction of the update, so that an answer and its outbox rows are stored together or not at all.
"""

from __future__ import annotations

from answerback.desk import notify, webhooks
from answerback.rules import update_seen
from answerback.rules.decide import decide
from answerback.rules.effects import NotifyEffect
from answerback.search import documents
from answerback.tickets import update as tickets
from answerback.tickets.models import Audit

MAX_ROUNDS = 5


def run(audit: Audit) -> None:
    """Everything that triggers make of `audit`."""
    fired: set[int] = set()
    pending = [audit]
    for _ in range(MAX_ROUNDS):
        if not pending:
            break
        seen = update_seen.see(pending.pop(0), audit.author)
        for effect in decide(seen, fired):
            fired.add(effect.trigger.pk)
            if isinstance(effect, NotifyEffect):
                notify.send(seen, effect)
            elif follow_up := tickets.apply(audit.ticket_id, effect.changes, None, "rule"):
                pending.append(follow_up)
    webhooks.tell(audit)
    documents.refresh(audit.ticket_id)
