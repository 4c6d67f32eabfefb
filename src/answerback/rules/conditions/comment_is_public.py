"""The update's comment: "true" public, "false" internal, "not_relevant" any, "requester_can_see_comment" public."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from answerback.rules.definition import TRIGGERS, Condition, Kind
from answerback.rules.update_seen import Update


def holds(update: Update, operator: str, value: str) -> bool:
    if update.comment is None or operator != "is":
        return False
    if value == "not_relevant":
        return True
    return update.comment.public == (value != "false")


CONDITION = Condition(
    field="comment_is_public",
    title=gettext_noop("Comment"),
    kind=Kind.CHOICE,
    operators=("is",),
    uses=TRIGGERS,
    choices={
        "true": gettext_noop("public"),
        "false": gettext_noop("internal"),
        "not_relevant": gettext_noop("public or internal"),
        "requester_can_see_comment": gettext_noop("one that the requester can see"),
    },
    holds=holds,
)
