"""What a rule wants done. Deciding performs nothing; the desk carries effects out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from answerback.rules.models import Automation, Trigger
from answerback.tickets.changes import Changes

Localised = dict[str, str]  # language -> text; "" is the text for every other language
Rule: TypeAlias = Trigger | Automation


@dataclass(frozen=True)
class FieldEffect:
    rule: Rule
    changes: Changes


@dataclass(frozen=True)
class NotifyEffect:
    """Write to `recipient`.

    One of requester_id, requester_and_ccs, assignee_id, current_user, all_agents, supervisors, group:ID, user:ID.
    """

    rule: Rule
    recipient: str
    subject: Localised
    body: Localised


@dataclass(frozen=True)
class NoteEffect:
    """An internal note."""

    rule: Rule
    text: Localised


@dataclass(frozen=True)
class NoticeEffect:
    """Tell agents in the workspace. `recipient` as of NotifyEffect, agents only."""

    rule: Rule
    recipient: str
    text: Localised


@dataclass(frozen=True)
class WebhookEffect:
    """Call a webhook. `payload` holds placeholders in its strings; None is our own description of the update."""

    rule: Rule
    webhook_id: int
    payload: Mapping[str, Any] | None


@dataclass(frozen=True)
class ResendEffect:
    """Send these failed deliveries again, each once."""

    rule: Rule
    delivery_ids: Sequence[int]


@dataclass(frozen=True)
class HoldEffect:
    """Hold what of the ticket's mail to customers has not left yet; `recipients` are addresses, none is everybody."""

    rule: Rule
    recipients: Sequence[str] = ()


Effect = FieldEffect | NotifyEffect | NoteEffect | NoticeEffect | WebhookEffect | ResendEffect | HoldEffect
