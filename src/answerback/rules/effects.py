"""What a trigger wants done. Deciding performs nothing; the desk carries effects out."""

from __future__ import annotations

from dataclasses import dataclass

from answerback.rules.models import Trigger
from answerback.tickets.changes import Changes

Localised = dict[str, str]  # language -> text; "" is the text for every other language


@dataclass(frozen=True)
class FieldEffect:
    trigger: Trigger
    changes: Changes


@dataclass(frozen=True)
class NotifyEffect:
    """Write to `recipient`.

    One of requester_id, requester_and_ccs, assignee_id, current_user, all_agents, supervisors, group:ID, user:ID.
    """

    trigger: Trigger
    recipient: str
    subject: Localised
    body: Localised


Effect = FieldEffect | NotifyEffect
