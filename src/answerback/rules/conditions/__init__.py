"""Conditions of rules, one file each: what it is, and `holds(update, operator, value) -> bool`."""

from __future__ import annotations

from answerback.rules.conditions import (
    assignee,
    comment_is_public,
    comment_words,
    counts,
    current_via,
    delivery,
    delivery_cause,
    delivery_code,
    delivery_fix,
    delivery_health,
    delivery_permanent,
    delivery_role,
    group,
    hours,
    language,
    organization,
    priority,
    recipient,
    requester,
    role,
    status,
    subject_words,
    tags,
    ticket_is_public,
    ticket_type,
    update_type,
    via,
)
from answerback.rules.definition import Condition

# in the order of the editor
CONDITIONS: dict[str, Condition] = {
    condition.field: condition
    for condition in (
        update_type.CONDITION,
        role.CONDITION,
        status.CONDITION,
        priority.CONDITION,
        ticket_type.CONDITION,
        group.CONDITION,
        assignee.CONDITION,
        requester.CONDITION,
        organization.CONDITION,
        tags.CONDITION,
        recipient.CONDITION,
        via.CONDITION,
        current_via.CONDITION,
        language.CONDITION,
        comment_is_public.CONDITION,
        ticket_is_public.CONDITION,
        subject_words.CONDITION,
        comment_words.CONDITION,
        *counts.CONDITIONS,
        delivery.CONDITION,
        delivery_health.CONDITION,
        delivery_cause.CONDITION,
        delivery_fix.CONDITION,
        delivery_permanent.CONDITION,
        delivery_role.CONDITION,
        delivery_code.CONDITION,
        *hours.CONDITIONS,
    )
}
