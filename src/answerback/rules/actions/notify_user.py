"""Mail to people: [recipient, subject, body], subject and body as text or as {language: text}."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from answerback.rules.definition import Action, Kind
from answerback.rules.effects import Localised, NotifyEffect, Rule
from answerback.rules.update_seen import Update


def effect(rule: Rule, value: list[str | Localised], update: Update) -> NotifyEffect:
    recipient, subject, body = value
    return NotifyEffect(rule, by_id(str(recipient)), localised(subject), localised(body))


def localised(text: str | Localised) -> Localised:
    return text if isinstance(text, dict) else {"": text}


def by_id(recipient: str) -> str:
    """Zendesk names an agent by the bare id."""
    return f"user:{recipient}" if recipient.isdigit() else recipient


AGENTS = {
    "assignee_id": gettext_noop("the assignee"),
    "current_user": gettext_noop("the agent who changed it"),
    "all_agents": gettext_noop("all agents"),
    "supervisors": gettext_noop("the supervisors"),
}
ACTION = Action(
    field="notification_user",
    title=gettext_noop("Send an e-mail to"),
    kind=Kind.MAIL,
    choices={
        "requester_id": gettext_noop("the requester"),
        "requester_and_ccs": gettext_noop("the requester and the CCs"),
        **AGENTS,
    },
    effect=effect,
)
