"""Actions of rules, one file each: what it is, and `effect(rule, value, update) -> Effect | None`."""

from __future__ import annotations

from answerback.rules.actions import (
    add_cc,
    assign,
    hold,
    internal_note,
    notice,
    notify_group,
    notify_user,
    reopen,
    resend,
    set_field,
    set_group,
    set_tags,
    webhook,
)
from answerback.rules.definition import Action

# in the order of the editor
ACTIONS: dict[str, Action] = {
    action.field: action
    for action in (
        *set_field.ACTIONS,
        assign.ACTION,
        set_group.ACTION,
        *set_tags.ACTIONS,
        add_cc.ACTION,
        internal_note.ACTION,
        notify_user.ACTION,
        notify_group.ACTION,
        notice.ACTION,
        webhook.ACTION,
        reopen.ACTION,
        resend.ACTION,
        hold.ACTION,
    )
}
