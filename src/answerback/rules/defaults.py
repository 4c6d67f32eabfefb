"""The triggers and automations Answerback starts with (after Zendesk's default set), with texts in both languages.

Policy: the acknowledgement quotes nothing of the mail it answers, so that nobody can send a text of theirs to a
stranger through us. Customers get agents' comments only. Titles are msgids: they are translated where they are shown.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from django.db.models import Max
from django.utils.translation import gettext_noop

from answerback.core import clock
from answerback.rules.models import Automation, Trigger

_ACKNOWLEDGEMENT = {
    "en": "Hello {{ticket.requester.name}},\n\nwe have received your message and will answer as soon as we can. "
    "If you want to add something, simply reply to this mail.\n\n{{support.name}}",
    "de": "Guten Tag {{ticket.requester.name}},\n\nIhre Nachricht ist bei uns angekommen. Wir antworten, sobald wir "
    "können. Wenn Sie etwas ergänzen möchten, antworten Sie einfach auf diese E-Mail.\n\n{{support.name}}",
}
_COMMENT = {"": "{{ticket.latest_public_comment_html}}\n\n{{agent.signature}}"}
_AGENT_COMMENT = {
    "en": "{{current_user.name}} wrote on ticket #{{ticket.id}}, {{ticket.title}}:\n\n"
    "{{ticket.latest_comment_html}}\n\n{{ticket.url}}",
    "de": "{{current_user.name}} schrieb zu Ticket #{{ticket.id}}, {{ticket.title}}:\n\n"
    "{{ticket.latest_comment_html}}\n\n{{ticket.url}}",
}
_AGENT_TICKET = {
    "en": "Ticket #{{ticket.id}}, {{ticket.title}}\nRequester: {{ticket.requester.name}}\n\n"
    "{{ticket.latest_comment_html}}\n\n{{ticket.url}}",
    "de": "Ticket #{{ticket.id}}, {{ticket.title}}\nAnfragender: {{ticket.requester.name}}\n\n"
    "{{ticket.latest_comment_html}}\n\n{{ticket.url}}",
}
# Of the ticket only its number: what failed, to whom and why is what counts here, and the rest stays in the workspace.
_AGENT_FAILURE_SUBJECT = {
    "en": "Not delivered to {{ticket.undelivered_to}} (#{{ticket.id}})",
    "de": "Nicht zugestellt an {{ticket.undelivered_to}} (#{{ticket.id}})",
}
_AGENT_FAILURE = {
    "en": "An answer on ticket #{{ticket.id}} was not delivered:\n\n{{ticket.delivery_failures}}\n\n"
    "What to do stands under the comment: {{ticket.url}}",
    "de": "Eine Antwort zu Ticket #{{ticket.id}} wurde nicht zugestellt:\n\n{{ticket.delivery_failures}}\n\n"
    "Was zu tun ist, steht unter dem Kommentar: {{ticket.url}}",
}


def _row(field: str, operator: str, value: str) -> dict[str, str]:
    return {"field": field, "operator": operator, "value": value}


def _mail(recipient: str, subject: dict[str, str], body: dict[str, str]) -> dict[str, Any]:
    return {"field": "notification_user", "value": [recipient, subject, body]}


DEFAULTS: list[dict[str, Any]] = [
    {
        "key": "auto_assign",
        "title": gettext_noop("Auto-assign to first responding agent"),
        "all": [
            _row("role", "is", "agent"),
            _row("comment_is_public", "is", "true"),
            _row("assignee_id", "is", ""),
        ],
        "actions": [{"field": "assignee_id", "value": "current_user"}],
    },
    {
        "key": "received_request",
        "title": gettext_noop("Notify requester and CCs of received request"),
        "all": [
            _row("update_type", "is", "Create"),
            _row("role", "is", "end_user"),
            _row("comment_is_public", "is", "true"),
        ],
        "actions": [
            _mail(
                "requester_and_ccs",
                {
                    "en": "We have received your message (#{{ticket.id}})",
                    "de": "Ihre Nachricht ist angekommen (#{{ticket.id}})",
                },
                _ACKNOWLEDGEMENT,
            )
        ],
    },
    {
        "key": "comment_update",
        "title": gettext_noop("Notify requester and CCs of comment update"),
        "all": [
            _row("update_type", "is", "Change"),
            _row("role", "is", "agent"),
            _row("comment_is_public", "is", "true"),
        ],
        "actions": [_mail("requester_and_ccs", {"": "Re: {{ticket.title}}"}, _COMMENT)],
    },
    {
        "key": "proactive_ticket",
        "title": gettext_noop("Notify requester and CCs of new proactive ticket"),
        "all": [
            _row("update_type", "is", "Create"),
            _row("role", "is", "agent"),
            _row("comment_is_public", "is", "true"),
        ],
        "actions": [_mail("requester_and_ccs", {"": "{{ticket.title}}"}, _COMMENT)],
    },
    {
        "key": "assignee_comment",
        "title": gettext_noop("Notify assignee of comment update"),
        "all": [
            _row("update_type", "is", "Change"),
            _row("comment_is_public", "is", "not_relevant"),
            _row("assignee_id", "is_not", "current_user"),
            _row("assignee_id", "is_not", ""),
            _row("assignee_id", "not_changed", ""),
        ],
        "actions": [_mail("assignee_id", {"": "Re: {{ticket.title}} (#{{ticket.id}})"}, _AGENT_COMMENT)],
    },
    {
        "key": "assignee_assignment",
        "title": gettext_noop("Notify assignee of assignment"),
        "all": [
            _row("assignee_id", "changed", ""),
            _row("assignee_id", "is_not", ""),
            _row("assignee_id", "is_not", "current_user"),
        ],
        "actions": [
            _mail(
                "assignee_id",
                {
                    "en": "Assigned to you: {{ticket.title}} (#{{ticket.id}})",
                    "de": "Ihnen zugewiesen: {{ticket.title}} (#{{ticket.id}})",
                },
                _AGENT_TICKET,
            )
        ],
    },
    {
        "key": "assignee_reopened",
        "title": gettext_noop("Notify assignee of reopened ticket"),
        "all": [
            _row("status", "value_previous", "solved"),
            _row("status", "is", "open"),
            _row("role", "is", "end_user"),
        ],
        "actions": [
            _mail(
                "assignee_id",
                {
                    "en": "Reopened: {{ticket.title}} (#{{ticket.id}})",
                    "de": "Wieder geöffnet: {{ticket.title}} (#{{ticket.id}})",
                },
                _AGENT_TICKET,
            )
        ],
    },
    {
        "key": "group_assignment",
        "title": gettext_noop("Notify group of assignment"),
        "all": [
            _row("group_id", "changed", ""),
            _row("group_id", "is_not", ""),
            _row("assignee_id", "is", ""),
            _row("update_type", "is", "Change"),
        ],
        "actions": [
            {
                "field": "notification_group",
                "value": [
                    "group_id",
                    {
                        "en": "For your group: {{ticket.title}} (#{{ticket.id}})",
                        "de": "Für Ihre Gruppe: {{ticket.title}} (#{{ticket.id}})",
                    },
                    _AGENT_TICKET,
                ],
            }
        ],
    },
    {
        # Shipped switched off: the workspace shows new requests at once, and a mail to everybody for each is noise.
        "key": "all_agents_received",
        "title": gettext_noop("Notify all agents of received request"),
        "active": False,
        "all": [_row("update_type", "is", "Create"), _row("role", "is", "end_user")],
        "actions": [_mail("all_agents", {"": "{{ticket.title}} (#{{ticket.id}})"}, _AGENT_TICKET)],
    },
    {
        "key": "reopen_undelivered",
        "title": gettext_noop("Reopen a solved ticket whose answer was not delivered"),
        "all": [_row("delivery", "is", "answer"), _row("status", "is", "solved")],
        "actions": [{"field": "status", "value": "open"}],
    },
    {
        "key": "assignee_undelivered",
        "title": gettext_noop("Notify assignee of an undelivered answer"),
        "all": [_row("delivery", "is", "answer"), _row("assignee_id", "is_not", "")],
        "actions": [
            _mail(
                "assignee_id",
                _AGENT_FAILURE_SUBJECT,
                _AGENT_FAILURE,
            )
        ],
    },
    {
        "key": "group_undelivered",
        "title": gettext_noop("Notify group of an undelivered answer"),
        "all": [
            _row("delivery", "is", "answer"),
            _row("assignee_id", "is", ""),
            _row("group_id", "is_not", ""),
        ],
        "actions": [
            {
                "field": "notification_group",
                "value": [
                    "group_id",
                    _AGENT_FAILURE_SUBJECT,
                    _AGENT_FAILURE,
                ],
            }
        ],
    },
    {
        "key": "supervisors_undelivered",
        "title": gettext_noop("Notify supervisors of an undelivered answer nobody owns"),
        "all": [
            _row("delivery", "is", "answer"),
            _row("assignee_id", "is", ""),
            _row("group_id", "is", ""),
        ],
        "actions": [_mail("supervisors", _AGENT_FAILURE_SUBJECT, _AGENT_FAILURE)],
    },
]


AUTOMATIONS: list[dict[str, Any]] = [
    {
        # A ticket with an open failure stays: an answer that never arrived has solved nothing.
        "key": "close_solved",
        "title": gettext_noop("Close tickets that have been solved for four days"),
        "all": [
            _row("SOLVED", "greater_than", "96"),
            _row("status", "is", "solved"),
            _row("delivery_health", "is", "none"),
        ],
        "actions": [{"field": "status", "value": "closed"}],
    },
    {
        "key": "solve_pending",
        "title": gettext_noop("Solve tickets that have been pending for seven days"),
        "active": False,
        "all": [_row("PENDING", "greater_than", "168"), _row("delivery_health", "is", "none")],
        "actions": [{"field": "status", "value": "solved"}],
    },
]


def install(but: Collection[str] = ()) -> list[str]:
    """Write the default triggers whose keys are not in `but`, after those that are there. Gives the keys of all."""
    return _install(Trigger, DEFAULTS, but)


def install_automations(but: Collection[str] = ()) -> list[str]:
    """The same for automations."""
    return _install(Automation, AUTOMATIONS, but)


def shipped(key: str) -> dict[str, Any] | None:
    """Title, conditions and actions as they are shipped; None where we ship no such rule (any more)."""
    for row in _rows([*DEFAULTS, *AUTOMATIONS]):
        if row["key"] == key:
            return {name: row[name] for name in ("title", "conditions", "actions")}
    return None


def _install(
    model: type[Trigger] | type[Automation], defaults: list[dict[str, Any]], but: Collection[str]
) -> list[str]:
    last = model.objects.aggregate(last=Max("position"))["last"] or 0
    new = [row for row in defaults if row["key"] not in but]
    for row in _rows(new, first=last + 1):
        model.objects.create(**row)
    return sorted({*but, *(row["key"] for row in defaults)})


def _rows(defaults: list[dict[str, Any]], first: int = 1) -> Iterator[dict[str, Any]]:
    now = clock.now()
    for position, row in enumerate(defaults, start=first):
        yield {
            "key": row["key"],
            "title": row["title"],
            "active": row.get("active", True),
            "position": position,
            "conditions": {"all": row["all"], "any": []},
            "actions": row["actions"],
            "created_at": now,
            "updated_at": now,
        }
