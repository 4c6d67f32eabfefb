"""The macros Answerback starts with: what one writes again and again when mail did not arrive."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.utils.translation import gettext_noop

from answerback.core import clock
from answerback.rules.models import Macro

DEFAULTS: list[dict[str, Any]] = [
    {
        "key": "reached_another_way",
        "title": gettext_noop("Undelivered::Reached another way"),
        "actions": {
            "comment_value": {
                "en": "Our answer to {{ticket.undelivered_to}} was not delivered:\n{{ticket.delivery_failures}}\n\n"
                "Reached another way: ",
                "de": "Unsere Antwort an {{ticket.undelivered_to}} wurde nicht zugestellt:\n"
                "{{ticket.delivery_failures}}\n\nAuf anderem Weg erreicht: ",
            },
            "comment_mode_is_public": "false",
            "current_tags": "reached_another_way",
        },
    },
    {
        "key": "ask_for_address",
        "title": gettext_noop("Undelivered::Ask for another address"),
        "actions": {
            "comment_value": {
                "en": "Hello {{ticket.requester.name}},\n\n"
                "an earlier answer of ours did not reach you. Is there another e-mail "
                "address or a phone number where we can reach you?",
                "de": "Guten Tag {{ticket.requester.name}},\n\n"
                "eine frühere Antwort von uns hat Sie nicht erreicht. Gibt "
                "es eine andere E-Mail-Adresse oder eine Telefonnummer, unter der wir Sie erreichen?",
            },
            "status": "pending",
            "current_tags": "asked_for_address",
        },
    },
    {
        "key": "sent_once_more",
        "title": gettext_noop("Undelivered::Sorry, once more"),
        "actions": {
            "comment_value": {
                "en": "Hello {{ticket.requester.name}},\n\n"
                "please excuse that you hear from us only now: our earlier answer "
                "was not delivered. Here it is once more:\n\n",
                "de": "Guten Tag {{ticket.requester.name}},\n\n"
                "bitte entschuldigen Sie, dass Sie erst jetzt von uns hören: "
                "Unsere frühere Antwort wurde nicht zugestellt. Hier ist sie noch einmal:\n\n",
            },
            "status": "pending",
        },
    },
    {
        "key": "take_and_solve",
        "title": gettext_noop("Take it and solve it"),
        "actions": {"assignee_id": "current_user", "status": "solved"},
    },
]


def install(but: Collection[str] = ()) -> list[str]:
    """Write the shipped macros, `but` those that were offered before. Gives the keys of all."""
    now = clock.now()
    Macro.objects.bulk_create(
        Macro(
            key=row["key"],
            title=row["title"],
            position=position,
            actions=[{"field": name, "value": value} for name, value in row["actions"].items()],
            created_at=now,
            updated_at=now,
        )
        for position, row in enumerate(DEFAULTS, start=1)
        if row["key"] not in but
    )
    return [row["key"] for row in DEFAULTS]
